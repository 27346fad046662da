"""Passages of plain prose: those written for this project, or the problems of GSM8K with their worked answers."""

import csv
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from steerbench.errors import UserError, unknown
from tasks.reasoning import sources

SAMPLE, GSM8K = "sample", "gsm8k"

OPENING_WORDS = 8
_OPENING = re.compile(rf"(?:\S+\s+){{{OPENING_WORDS - 1}}}\S+(?=\s+\S)")


@dataclass(frozen=True)
class Passage:
    """A text in two parts: its first words, which are given, and the rest (from a blank on), which is measured."""

    id: str
    opening: str
    rest: str

    @property
    def characters(self) -> int:
        """Of the rest, as Unicode code points, its blanks among them."""
        return len(self.rest)

    @property
    def words(self) -> int:
        """Of the rest, as blanks separate them."""
        return len(self.rest.split())


def load(name: str) -> tuple[Passage, ...]:
    """The passages of that name, in the order of their file.

    Raises:
        UserError: nothing has that name, the data cannot be had, a row is broken, or a text is too short.
    """
    _check(name)
    return _READERS[name]()


def digest(name: str) -> str:
    """What a run's identity keeps of the passages: sha256 of the sample's file, or the registry's digest.

    Raises:
        UserError: nothing has that name.
    """
    _check(name)
    return hashlib.sha256(_sample_text().encode()).hexdigest() if name == SAMPLE else sources.digest(name)


def divided(ident: str, text: str) -> Passage:
    """A text cut behind its first words.

    Raises:
        UserError: it has no more than these.
    """
    opening = _OPENING.match(text)
    if opening is None:
        raise UserError(f"The passage {ident} has no more than {OPENING_WORDS} words; leave it out or write it longer.")
    return Passage(ident, opening[0], text[opening.end() :])


def _check(name: str) -> None:
    if name not in _READERS:
        raise UserError(unknown("set of passages", name, _READERS))


def _sample() -> tuple[Passage, ...]:
    return tuple(divided(row["id"], row["text"]) for row in csv.DictReader(_sample_text().splitlines()))


def _sample_text() -> str:
    return files("tasks.perplexity").joinpath("passages.csv").read_text(encoding="utf-8")


def _gsm8k() -> tuple[Passage, ...]:
    """Question and worked answer, without the marks of the calculator and the bare result at the end."""
    problems = sources.load(GSM8K)
    return tuple(divided(problem.id, f"{problem.question}\n{problem.meta['solution']}") for problem in problems)


_READERS: dict[str, Callable[[], tuple[Passage, ...]]] = {SAMPLE: _sample, GSM8K: _gsm8k}
