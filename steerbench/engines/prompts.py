"""Encodes prompts and options as token ids, in the same way for every engine."""

from collections.abc import Sequence
from functools import cached_property

from steerbench.contracts import Completion, Prompt, Request
from steerbench.engines.answers import divided
from steerbench.engines.branches import Branch, Ids, branch, common_prefix, packed, unpacked
from steerbench.errors import UserError
from steerbench.models.text import ModelText


class PromptTokens:
    """Token ids of prompts and options, cached: each prompt is rendered once, and each text tokenised once."""

    def __init__(self, text: ModelText) -> None:
        self.text, self.encoding = text, text.encoding
        self._known: dict[str, Ids] = {}
        self._rendered: dict[tuple[Prompt, bool], str] = {}
        self._lead = packed(self.encoding.lead)

    def prompt(self, prompt: Prompt, thinking: bool = False) -> Ids:
        """The messages in the chat template, then `start`; without messages, `start` as plain text.

        With `thinking`, a thinking part that the template opens stays open, unless the prompt starts the answer.

        Raises:
            UserError: the prompt has no token.
        """
        ids = self.encode(self._said(prompt, thinking), special=not prompt.messages)
        if not ids:
            raise UserError("A prompt is empty; give it messages, or a text to continue.")
        return ids

    def ids(self, prompt: Prompt) -> list[int]:
        """`prompt` as integers, as `Engine.tokenize` gives them."""
        ids: list[int] = unpacked(self.prompt(prompt)).tolist()
        return ids

    def lengths(self, requests: Sequence[Request]) -> list[int]:
        """The number of tokens of each request's longest sequence."""
        return [self.branch(request).longest for request in requests]

    def encode(self, text: str, special: bool) -> Ids:
        """A text's tokens; with `special`, preceded by the tokenizer's start token."""
        if text not in self._known:
            self._known[text] = packed(self.encoding.encode(text))
        return self._lead + self._known[text] if special else self._known[text]

    def answers(self, requests: Sequence[Request], said: Sequence[Completion]) -> list[Completion]:
        """The completions with their thinking part separated from the answer (`divided`)."""
        opens = self.text.template.opens_thoughts
        prompts = [request.prompt for request in requests]
        return [divided(one, opens and bool(p.messages) and not p.start) for p, one in zip(prompts, said, strict=True)]

    def branch(self, request: Request, last: bool = False) -> Branch:
        """A request's prompt and options as a tree; `last` includes the last token of each option.

        Prompt and option are encoded as one text. If this changes the prompt's own last tokens ("Option (" and "A"
        become "Option" and " (A"), the prompt ends before them for all options, and they count towards each likelihood.

        Raises:
            UserError: the prompt or an option has no token.
        """
        prompt = self.prompt(request.prompt)
        if not request.options:
            return branch(prompt, (), last)
        joint = self._joint(request, prompt)
        kept = min(common_prefix(prompt, one, len(prompt) // 4) for one in joint)
        if not kept:
            # No token of the prompt stays the same, and a likelihood needs a token before it.
            kept, joint = len(prompt) // 4, [prompt + packed(self.encoding.going_on(o)) for o in request.options]
        options = [unpacked(one[4 * kept :]).tolist() for one in joint]
        if not all(options):
            raise UserError(f"An option of a request is empty: {', '.join(map(repr, request.options))}.")
        return branch(prompt[: 4 * kept], options, last)

    def free(self, request: Request) -> Branch:
        """A request's prompt alone, to be continued by free text."""
        return branch(self.prompt(request.prompt, thinking=True), ())

    @cached_property
    def stops(self) -> list[int]:
        """Tokens that end an answer.

        Raises:
            UserError: neither the model nor its chat template has one.
        """
        found = stop_tokens(self.text)
        if not found:
            raise UserError(
                f"Nothing says which token ends an answer of the model '{self.text.spec}': name it as eos_token_id in "
                "its generation_config.json, or give a --chat-template FILE that closes its answers with one."
            )
        return found

    def _said(self, prompt: Prompt, thinking: bool = False) -> str:
        if not prompt.messages:
            return prompt.start
        key = prompt, thinking and not prompt.start
        if key not in self._rendered:
            start = self.text.template.controls.as_words(prompt.start)
            self._rendered[key] = self.text.render(prompt.messages, key[1]) + start
        return self._rendered[key]

    def _joint(self, request: Request, prompt: Ids) -> list[Ids]:
        """Token ids of the prompt with each option as one text. Only the prompt's end is encoded again."""
        said, chat = self._said(request.prompt), bool(request.prompt.messages)
        options = [self.text.template.controls.as_words(o) if chat else o for o in request.options]
        end = self.encoding.ending(said)
        known = self.encode(end, special=False)
        if end == said or not prompt.endswith(known):
            return [self.encode(said + option, special=not chat) for option in options]
        before = prompt[: len(prompt) - len(known)]
        return [before + self.encode(end + option, special=False) for option in options]


def stop_tokens(text: ModelText) -> list[int]:
    """Tokens that end an answer: the tokenizer's, those of the generation config (or else the config), and the one that
    closes an answer in the chat template, which fine-tunes may change without updating the others."""
    from transformers import AutoConfig, GenerationConfig

    try:
        told = GenerationConfig.from_pretrained(text.folder, local_files_only=True).eos_token_id
    except OSError:
        told = getattr(AutoConfig.from_pretrained(text.folder, local_files_only=True), "eos_token_id", None)
    more = told if isinstance(told, list) else [told]
    named = (text.tokenizer.eos_token_id, *more, text.template.end_of_turn)
    return sorted({token for token in named if token is not None})
