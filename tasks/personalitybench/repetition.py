"""Measures how much an answer repeats itself."""

import re

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return _WORD.findall(text.lower())


def distinct(tokens: list[str], n: int) -> float | None:
    """Share of distinct n-grams (distinct-n, Li et al. 2016); None if the text is too short for one."""
    runs = list(zip(*(tokens[i:] for i in range(n)), strict=False))
    return len(set(runs)) / len(runs) if runs else None
