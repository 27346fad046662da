"""Prompts and options as token ids, the same for every engine."""

from collections.abc import Sequence
from functools import cached_property

from steerbench.contracts import Completion, Prompt, Request
from steerbench.engines.answers import divided
from steerbench.engines.branches import Branch, Ids, branch, common_prefix, packed, unpacked
from steerbench.errors import UserError
from steerbench.models.text import ModelText


class PromptTokens:
    """Token ids of a model's prompts and options; each prompt is rendered, and each text tokenised, once."""

    def __init__(self, text: ModelText) -> None:
        self.text, self.encoding = text, text.encoding
        self._known: dict[str, Ids] = {}
        self._rendered: dict[tuple[Prompt, bool], str] = {}
        self._lead = packed(self.encoding.lead)

    def prompt(self, prompt: Prompt, thinking: bool = False) -> Ids:
        """Its messages through the chat template, then `start`; or `start` as plain text.

        With `thinking` the model may think first, if its template has it so and the answer's start is not given.

        Raises:
            UserError: it has no token.
        """
        ids = self.encode(self._said(prompt, thinking), special=not prompt.messages)
        if not ids:
            raise UserError("A prompt is empty; give it messages, or a text to continue.")
        return ids

    def encode(self, text: str, special: bool) -> Ids:
        """A text's tokens; with `special`, the tokenizer's start token before them."""
        if text not in self._known:
            self._known[text] = packed(self.encoding.encode(text))
        return self._lead + self._known[text] if special else self._known[text]

    def answers(self, requests: Sequence[Request], said: Sequence[Completion]) -> list[Completion]:
        """What was said to each, with its thoughts apart: a free answer may start inside those its template opened."""
        opens = self.text.template.opens_thoughts
        prompts = [request.prompt for request in requests]
        return [divided(one, opens and bool(p.messages) and not p.start) for p, one in zip(prompts, said, strict=True)]

    def branch(self, request: Request, last: bool = False) -> Branch:
        """A request's prompt and options as a tree; `last` keeps the last token of each option in it.

        An option's tokens are those that it adds to the prompt's where both are encoded as one text. Where the
        prompt's own last tokens change by what follows ("Option (" and "A" as "Option" and " (A"), the likelihood is
        that of the joint text: the prompt ends before them, for all options of the request alike.

        Raises:
            UserError: the prompt or an option has no token.
        """
        prompt = self.prompt(request.prompt)
        if not request.options:
            return branch(prompt, (), last)
        joint = self._joint(request, prompt)
        kept = min(common_prefix(prompt, one, len(prompt) // 4) for one in joint)
        if not kept:
            # Not one token of the prompt stays what it was, and a likelihood must have something before it.
            kept, joint = len(prompt) // 4, [prompt + packed(self.encoding.going_on(o)) for o in request.options]
        options = [unpacked(one[4 * kept :]).tolist() for one in joint]
        if not all(options):
            raise UserError(f"An option of a request is empty: {', '.join(map(repr, request.options))}.")
        return branch(prompt[: 4 * kept], options, last)

    def free(self, request: Request) -> Branch:
        """A request's prompt as free text goes on after it."""
        return branch(self.prompt(request.prompt, thinking=True), ())

    @cached_property
    def stops(self) -> list[int]:
        """Tokens that end an answer.

        Raises:
            UserError: the model names none.
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
        """Token ids of the prompt with each option, as one text. Only the prompt's end is encoded again for each."""
        said, chat = self._said(request.prompt), bool(request.prompt.messages)
        options = [self.text.template.controls.as_words(o) if chat else o for o in request.options]
        end = self.encoding.ending(said)
        known = self.encode(end, special=False)
        if end == said or not prompt.endswith(known):
            return [self.encode(said + option, special=not chat) for option in options]
        before = prompt[: len(prompt) - len(known)]
        return [before + self.encode(end + option, special=False) for option in options]


def stop_tokens(text: ModelText) -> list[int]:
    """Tokens that end an answer: the tokenizer's, those in the model's generation config (else its config), and the
    one that closes an answer in its chat template, which fine-tunes change without a word in the others."""
    from transformers import AutoConfig, GenerationConfig

    try:
        told = GenerationConfig.from_pretrained(text.folder, local_files_only=True).eos_token_id
    except OSError:
        told = getattr(AutoConfig.from_pretrained(text.folder, local_files_only=True), "eos_token_id", None)
    more = told if isinstance(told, list) else [told]
    named = (text.tokenizer.eos_token_id, *more, text.template.end_of_turn)
    return sorted({token for token in named if token is not None})
