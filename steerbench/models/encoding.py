"""Texts as a model's tokens, which never depend on how a text was put together.

Tokenizers of the SentencePiece kind (Llama 2, Mistral) put a blank before a text that stands alone: "A" by itself is
the token "▁A", and after "Option (" it is "A". What follows a text is therefore encoded with it.
"""

from functools import cached_property
from typing import Any

from steerbench.models.control_tokens import AS_WORDS, ControlTokens

BEFORE = ("\n", ":", "x")
"""What a piece is encoded behind, so that it is not taken for the start of a text: the first that stays a token."""

SAMPLE = "I am"
MARGIN = 40
"""Characters at the end of a text that are always encoded anew with what follows."""


class Encoding:
    """Token ids of texts, without those that a tokenizer puts before plain text (`lead`)."""

    def __init__(self, tokenizer: Any, controls: ControlTokens) -> None:
        self.tokenizer, self.controls = tokenizer, controls

    @cached_property
    def lead(self) -> list[int]:
        """What the tokenizer puts before plain text: a start token, or nothing. What it puts behind is left out."""
        whole, bare = list(self.tokenizer(SAMPLE)["input_ids"]), self._ids(SAMPLE)
        places = range(len(whole) - len(bare) + 1)
        at = next((place for place in places if whole[place : place + len(bare)] == bare), 0)
        return whole[:at]

    def encode(self, text: str) -> list[int]:
        """A text's tokens. What was marked as words (`ControlTokens.as_words`) is no control token."""
        first, *pieces = text.split(AS_WORDS)
        return [*self._ids(first), *(token for piece in pieces for token in self.going_on(piece))]

    def ending(self, text: str) -> str:
        """The end of a text that alone has a part in how what follows is encoded.

        A control token divides a text for every tokenizer. So does a blank before a word, for those that divide
        texts into words before they merge characters; for others only a control token does.
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
        """The tokens of a text that goes on after another, whatever that is."""
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
