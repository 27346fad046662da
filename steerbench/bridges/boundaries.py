"""Splits contexts and continuations as lm-evaluation-harness does, and expresses them as texts for an engine.

The harness's transformers model (HFLM) encodes context and continuation together, as engines do, and skips as many
tokens as the context has alone. If a context's last tokens change in the joint text, an engine scores these as well,
while HFLM omits them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from steerbench.contracts import Prompt, Request
from steerbench.engines.answers import decoded
from steerbench.engines.branches import unpacked
from steerbench.engines.prompts import PromptTokens
from steerbench.errors import UserError
from steerbench.models.text import ModelText

TRIES = 64
"""Number of places that are tried for the end of a window, which must not split a character into tokens."""


@dataclass(frozen=True)
class PromptOption:
    """A prompt's start and an option, whose `tokens` are scored. `joint`: encoding both keeps the start's tokens."""

    start: str
    option: str
    tokens: tuple[int, ...]
    joint: bool


class Boundaries:
    """Encodes as HFLM does, for a model with prompts of at most `limit` tokens."""

    def __init__(self, text: ModelText, limit: int) -> None:
        self.tokenizer, self.limit = text.tokenizer, limit
        self._engine = PromptTokens(text)
        bos, eos = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        self.first_token = eos if bos is None else bos
        self.first = self.tokenizer.decode([self.first_token])

    def encode(self, text: str) -> list[int]:
        """A text's tokens, preceded by the tokenizer's start token unless the text spells it."""
        return list(self.tokenizer.encode(text, add_special_tokens=not text.startswith(self.first)))

    def pair(self, context: str, continuation: str, words: str = "") -> PromptOption:
        """Split as HFLM does: trailing blanks of a context go to the continuation; an empty context is the start token.

        `words` are the steering's prompt before the context, with the blanks that separate them.

        Raises:
            UserError: together they are longer than the model's context.
        """
        stripped = context.rstrip()
        if stripped:
            continuation = context[len(stripped) :] + continuation
            return self._fitting(self.encode(words + stripped), words + stripped, continuation)
        continuation = (context + continuation).removeprefix(self.first)
        given = self.encode(words) if words else [self.first_token]
        return self._fitting(given, words or self.first, continuation)

    def start(self, context: str, room: int) -> str:
        """A context as the start of a prompt, without the start token, which engines add to any text.

        Raises:
            UserError: the model's context has no room for `room` tokens after it.
        """
        start = next(self._starts(context, self.encode(context)), context)
        self._check(len(self._prompt(start)) + room)
        return start

    def windows(self, text: str, words: str = "") -> Iterator[PromptOption]:
        """Split a text into windows: the first follows the start token, the others as much of the text as fits.

        With `words`, these precede each window instead of a start token. A window is shorter than the model's context
        if it would otherwise end inside a character.

        Raises:
            UserError: a window cannot be expressed as a text.
        """
        ids, at = self.encode(text), 0
        while at < len(ids):
            given = len(self._prompt(words)) + 1 if at else max(len(self._prompt(words)), 1)
            last = min(at + self.limit + 1 - given, len(ids))
            ends = range(last, max(last - TRIES, at), -1)
            found = next((pair for end in ends if (pair := self._window(ids, at, end, words))), None)
            if found is None:
                raise UserError(
                    "A text is too long for the model's context and cannot be split between characters; shorten it."
                )
            yield found
            at += len(found.tokens)

    def _check(self, length: int) -> None:
        if length > self.limit:
            raise UserError(
                f"A request needs {length} tokens, and the model's context holds {self.limit}: give fewer examples "
                "(--num_fewshot), shorter answers (max_gen_toks), or a model with a longer context."
            )

    def _window(self, ids: list[int], at: int, end: int, words: str) -> PromptOption | None:
        before = self._prompt(words)
        if not at:
            start = words or next(self._starts(self.first, [self.first_token]), self.first)
            pair = self._said(self._prompt(start), start, self.tokenizer.decode(ids[:end]))
            return pair if pair.joint and list(pair.tokens) == ids[:end] else None
        option = decoded(self.tokenizer, ids[at:end])
        lowest = max(end + len(before) - self.limit - 1, 0)
        for begin in range(lowest, at)[:TRIES]:
            start = words + self.tokenizer.decode(ids[begin:at])
            if self._prompt(start) == before + ids[begin:at]:
                pair = self._said(before + ids[begin:at], start, option)
                return pair if pair.joint and list(pair.tokens) == ids[at:end] else None
        return None

    def _fitting(self, given: list[int], context: str, continuation: str) -> PromptOption:
        pair = self._said(given, context, continuation)
        self._check(len(self._prompt(pair.start)) + len(pair.tokens) - 1)
        return pair

    def _said(self, given: list[int], context: str, continuation: str) -> PromptOption:
        """A context with these tokens, and its continuation."""
        start = next(self._starts(context, given), context)
        branch = self._engine.branch(Request(Prompt(start=start), options=(continuation,)))
        tokens = tuple(token for _, token in branch.scored[0])
        return PromptOption(start, continuation, tokens, list(unpacked(branch.prompt)) == given)

    def _starts(self, context: str, ids: list[int]) -> Iterator[str]:
        """Candidate texts that an engine may encode as these tokens."""
        yield from (text for text in (context, context.removeprefix(self.first)) if self._prompt(text) == ids)

    def _prompt(self, start: str) -> list[int]:
        """The tokens that an engine encodes."""
        try:
            return [int(token) for token in unpacked(self._engine.prompt(Prompt(start=start)))]
        except UserError:
            return []
