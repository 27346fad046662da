"""Where a context ends and its continuation starts: lm-evaluation-harness's tokens, said to an engine as texts.

The harness's own model of transformers (HFLM) encodes a context with its continuation, as engines do, and scores what
comes after as many tokens as the context has alone. Where the context's own last tokens change by what follows, an
engine scores these too, as they are in the joint text; the harness's model leaves them out.
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
"""Places before the last possible one at which a window may end; a character has only a few tokens."""


@dataclass(frozen=True)
class PromptOption:
    """A prompt's start and an option; `tokens` are scored. `joint` if the start's own tokens stay as they were."""

    start: str
    option: str
    tokens: tuple[int, ...]
    joint: bool


class Boundaries:
    """Encodes as HFLM does, for a model whose prompts hold `limit` tokens."""

    def __init__(self, text: ModelText, limit: int) -> None:
        self.tokenizer, self.limit = text.tokenizer, limit
        self._engine = PromptTokens(text)
        bos, eos = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        self.first_token = eos if bos is None else bos
        self.first = self.tokenizer.decode([self.first_token])

    def encode(self, text: str) -> list[int]:
        """A text's tokens, with the tokenizer's start token unless the text says it already."""
        return list(self.tokenizer.encode(text, add_special_tokens=not text.startswith(self.first)))

    def pair(self, context: str, continuation: str, words: str = "") -> PromptOption:
        """Blanks that end the context belong to the continuation; an empty context is the model's start token.

        `words` are what the model is told first, with the blanks that part them from the rest.

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
        """A context as the start of a prompt: engines put the tokenizer's start token before it, as before any text.

        Raises:
            UserError: the model's context has no room for so many tokens after it.
        """
        start = next(self._starts(context, self.encode(context)), context)
        self._check(len(self._prompt(start)) + room)
        return start

    def windows(self, text: str, words: str = "") -> Iterator[PromptOption]:
        """A whole text in windows: the first after the start token, others after as much of the text as has room.

        With `words`, these come before each window instead of a start token. A window is shorter than the model's
        context where it would otherwise end inside of a character.

        Raises:
            UserError: a window cannot be said as a text.
        """
        ids, at = self.encode(text), 0
        while at < len(ids):
            given = len(self._prompt(words)) + 1 if at else max(len(self._prompt(words)), 1)
            last = min(at + self.limit + 1 - given, len(ids))
            ends = range(last, max(last - TRIES, at), -1)
            found = next((pair for end in ends if (pair := self._window(ids, at, end, words))), None)
            if found is None:
                raise UserError("A text is too long for the model's context and cannot be cut where it would have to.")
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
        """A context that is these tokens, and what follows it."""
        start = next(self._starts(context, given), context)
        branch = self._engine.branch(Request(Prompt(start=start), options=(continuation,)))
        tokens = tuple(token for _, token in branch.scored[0])
        return PromptOption(start, continuation, tokens, list(unpacked(branch.prompt)) == given)

    def _starts(self, context: str, ids: list[int]) -> Iterator[str]:
        """Texts that an engine reads as these tokens."""
        yield from (text for text in (context, context.removeprefix(self.first)) if self._prompt(text) == ids)

    def _prompt(self, start: str) -> list[int]:
        """What an engine makes of it."""
        try:
            return [int(token) for token in unpacked(self._engine.prompt(Prompt(start=start)))]
        except UserError:
            return []
