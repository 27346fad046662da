"""Prompts and options as token ids, the same for every engine."""

from collections.abc import Sequence

from steerbench.contracts import Prompt, Request
from steerbench.engines.branches import Branch, Ids, branch, packed, unpacked
from steerbench.errors import UserError
from steerbench.models.text import ModelText


class PromptTokens:
    """Token ids of a model's prompts and options; each text is tokenised once."""

    def __init__(self, text: ModelText) -> None:
        self.text = text
        self._known: dict[tuple[str, bool], Ids] = {}

    def prompt(self, prompt: Prompt) -> Ids:
        """Its messages through the chat template, then `start`; or `start` as plain text.

        Raises:
            UserError: it has no token.
        """
        text = self.text.render(prompt.messages) + prompt.start if prompt.messages else prompt.start
        ids = self.encode(text, special=not prompt.messages)
        if not ids:
            raise UserError("A prompt is empty; give it messages, or a text to continue.")
        return ids

    def encode(self, text: str, special: bool) -> Ids:
        """A text's tokens; with `special`, the tokenizer puts its start token before them."""
        if (text, special) not in self._known:
            self._known[text, special] = packed(self.text.tokenizer(text, add_special_tokens=special)["input_ids"])
        return self._known[text, special]

    def branch(self, request: Request, last: bool = False) -> Branch:
        """A request's prompt and options as a tree; `last` keeps the last token of each option in it.

        Raises:
            UserError: the prompt or an option has no token.
        """
        prompt = self.prompt(request.prompt)
        options: list[Sequence[int]] = [unpacked(self.encode(o, special=False)).tolist() for o in request.options]
        if not all(options):
            raise UserError(f"An option of a request is empty: {', '.join(map(repr, request.options))}.")
        return branch(prompt, options, last)


def stop_tokens(text: ModelText) -> list[int]:
    """Tokens that end an answer: the tokenizer's, and those in the model's generation config (else its config)."""
    from transformers import AutoConfig, GenerationConfig

    try:
        told = GenerationConfig.from_pretrained(text.folder, local_files_only=True).eos_token_id
    except OSError:
        told = getattr(AutoConfig.from_pretrained(text.folder, local_files_only=True), "eos_token_id", None)
    more = told if isinstance(told, list) else [told]
    return sorted({token for token in (text.tokenizer.eos_token_id, *more) if token is not None})
