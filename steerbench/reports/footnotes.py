"""Footnotes of a table: what is said of several rows has one letter."""

from collections.abc import Iterable
from string import ascii_lowercase


class Footnotes:
    """Letters in the order in which they are first used: a to z, then aa, ab, ..."""

    def __init__(self) -> None:
        self._letters: dict[str, str] = {}

    def letters(self, texts: Iterable[str]) -> tuple[str, ...]:
        """The letters of these texts in their order, new ones for new texts."""
        found = [self._letters.setdefault(text, _letter(len(self._letters))) for text in texts]
        return tuple(sorted(found, key=lambda letter: (len(letter), letter)))

    def all(self) -> tuple[tuple[str, str], ...]:
        """Every letter with its text."""
        return tuple((letter, text) for text, letter in self._letters.items())


def _letter(place: int) -> str:
    """0 is a, 25 is z, 26 is aa."""
    before, last = divmod(place, len(ascii_lowercase))
    return (_letter(before - 1) if before else "") + ascii_lowercase[last]
