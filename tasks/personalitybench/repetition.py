"""How much an answer repeats itself."""

import re

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


def words(text: str) -> list[str]:
    """The words of a text, in lower case, without punctuation."""
    return _WORD.findall(text.lower())


def distinct(tokens: list[str], n: int) -> float | None:
    """Share of the runs of `n` words that are distinct (Li et al. 2016, distinct-n); None if there is no run."""
    runs = list(zip(*(tokens[i:] for i in range(n)), strict=False))
    return len(set(runs)) / len(runs) if runs else None
