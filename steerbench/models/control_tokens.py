"""Keeps text that spells a control token, such as `</s>`, from being tokenised as that token.

A question, a judged answer or a steering's prompt may contain such a spelling. As a token it would end or begin a turn
of the chat. So plain text gets a marker inside each such spelling, and is tokenised in two pieces there
(`steerbench.models.encoding`). The model reads the same characters.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

AS_WORDS = "\ufdd0"
"""The marker. Unicode reserves this code point (a noncharacter) for internal use by programs."""

_BRACKET = re.compile(r"[<\[|◁]")


class ControlTokens:
    """The spellings of a tokenizer's control tokens: its special tokens, and those that its template writes.

    Ordinary words that were added to the vocabulary do not count, even if a template writes them.
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
        """The text with a marker inside each spelling of a control token."""
        text = text.replace(AS_WORDS, "")
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: f"{found[0][0]}{AS_WORDS}{found[0][1:]}", text)

    def last(self, text: str) -> int:
        """The index at which the last control token of a text starts; 0 if there is none."""
        return max((found.start() for found in self._pattern.finditer(text)), default=0) if self._pattern else 0

    def first_in(self, text: str) -> int | None:
        """The id of the first control token in a text; None if there is none."""
        found = self._pattern.search(text) if self._pattern else None
        return self.ids[found[0]] if found else None
