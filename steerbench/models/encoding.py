"""Encodes texts as tokens, such that a text in pieces gets the same tokens as in one piece.

SentencePiece tokenizers (Llama 2, Mistral) put a blank before a text that stands alone: "A" by itself is the token
"▁A", and after "Option (" it is "A". So a continuation is encoded together with the text before it.
"""

from functools import cached_property
from typing import Any

from steerbench.models.control_tokens import AS_WORDS, ControlTokens

BEFORE = ("\n", ":", "x")
"""Prefixes to encode a continuation behind, so that it is not treated as the start of a text. The first one that keeps
its own token is used."""

SAMPLE = "I am"
MARGIN = 40
"""Number of characters at the end of a text that are encoded again together with its continuation."""


class Encoding:
    """Token ids of texts, without the tokens that the tokenizer prepends to plain text (`lead`)."""

    def __init__(self, tokenizer: Any, controls: ControlTokens) -> None:
        self.tokenizer, self.controls = tokenizer, controls

    @cached_property
    def lead(self) -> list[int]:
        """The tokens that the tokenizer prepends to plain text: a start token, or none. Appended ones are ignored."""
        whole, bare = list(self.tokenizer(SAMPLE)["input_ids"]), self._ids(SAMPLE)
        places = range(len(whole) - len(bare) + 1)
        at = next((place for place in places if whole[place : place + len(bare)] == bare), 0)
        return whole[:at]

    def encode(self, text: str) -> list[int]:
        """A text's tokens. Spellings marked by `ControlTokens.as_words` do not become control tokens."""
        first, *pieces = text.split(AS_WORDS)
        return [*self._ids(first), *(token for piece in pieces for token in self.going_on(piece))]

    def ending(self, text: str) -> str:
        """The end of a text that has to be encoded together with a continuation; the tokens before it cannot change.

        It starts at a point where the tokenizer splits text. All of them split at control tokens. Those that split
        text into words before merging characters also split at a blank before a word.
        """
        if AS_WORDS in text:
            return text
        start = self.controls.last(text)
        if self._divides_words:
            place = text.rfind(" ", start, -MARGIN)
            while place > start and (text[place - 1].isspace() or text[place + 1].isspace()):
                place = text.rfind(" ", start, place)
            start = max(start, place)
        return text[start:]

    def going_on(self, piece: str) -> list[int]:
        """The tokens of a text that continues another one, whatever that is."""
        for before in BEFORE:
            known, whole = self._ids(before), self._ids(before + piece)
            if whole[: len(known)] == known:
                return whole[len(known) :]
        return self._ids(piece)

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    @cached_property
    def _divides_words(self) -> bool:
        backend = self.tokenizer.backend_tokenizer
        if backend.pre_tokenizer is None:
            return False
        text = "ab cd" if backend.normalizer is None else backend.normalizer.normalize_str("ab cd")
        return [len(word) for word, _ in backend.pre_tokenizer.pre_tokenize_str(text)][-1:] == [len(" cd")]
