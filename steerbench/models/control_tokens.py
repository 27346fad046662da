"""Control tokens: those by which a chat template parts turns, and how their spelling is kept from acting as them.

A question, a judged answer or a steering's words may spell one (`</s>`). A tokenizer would take it for the token, and
the text would end a turn or begin one. So a text that is only words gets a mark inside of each such spelling, where
it is then tokenised in two pieces (`steerbench.models.encoding`): the model reads the same characters.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

AS_WORDS = "\ufdd0"
"""Stands inside a spelling that is only words. Unicode keeps this code point for a program's own use."""

_BRACKET = re.compile(r"[<\[|◁]")


class ControlTokens:
    """A tokenizer's control tokens by their spelling: those it calls special, and those its template writes.

    A word that was added to a vocabulary is no control token, though a template may write it.
    """

    def __init__(self, tokenizer: Any, template: str) -> None:
        added = {str(token.content): (number, token) for number, token in tokenizer.added_tokens_decoder.items()}
        self.ids: Mapping[str, int] = {
            spelt: number
            for spelt, (number, token) in added.items()
            if len(spelt.strip()) > 1 and (token.special or (spelt in template and _BRACKET.search(spelt)))
        }

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        longest_first = sorted(self.ids, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def as_words(self, text: str) -> str:
        """The text with a mark inside of every control token that it spells."""
        text = text.replace(AS_WORDS, "")
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: f"{found[0][0]}{AS_WORDS}{found[0][1:]}", text)

    def last(self, text: str) -> int:
        """Where the last control token of a text starts; 0 if it has none."""
        return max((found.start() for found in self._pattern.finditer(text)), default=0) if self._pattern else 0

    def first_in(self, text: str) -> int | None:
        """The first control token of a text, None if it has none."""
        found = self._pattern.search(text) if self._pattern else None
        return self.ids[found[0]] if found else None
