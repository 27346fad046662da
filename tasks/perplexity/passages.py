"""Passages of plain prose: written for this project, or GSM8K's problems with their worked answers."""

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
    """A text in two parts: the first words, which are given, and the rest (from a blank on), which is measured."""

    id: str
    opening: str
    rest: str

    @property
    def characters(self) -> int:
        """Number of Unicode code points in the rest, including blanks."""
        return len(self.rest)

    @property
    def words(self) -> int:
        """Number of words in the rest, separated by blanks."""
        return len(self.rest.split())


def load(name: str) -> tuple[Passage, ...]:
    """The passages of a dataset, in the order of its file.

    Raises:
        UserError: the name is unknown, the data are not available, a row is invalid, or a text is too short.
    """
    _check(name)
    return _READERS[name]()


def digest(name: str) -> str:
    """A digest of the passages for a run's identity: sha256 of the sample's file, or the registry's digest.

    Raises:
        UserError: the name is unknown.
    """
    _check(name)
    return hashlib.sha256(_sample_text().encode()).hexdigest() if name == SAMPLE else sources.digest(name)


def divided(ident: str, text: str) -> Passage:
    """A text split after its first words.

    Raises:
        UserError: the text has no more than these.
    """
    opening = _OPENING.match(text)
    if opening is None:
        raise UserError(f"The passage {ident} needs more than {OPENING_WORDS} words; leave it out or write it longer.")
    return Passage(ident, opening[0], text[opening.end() :])


def _check(name: str) -> None:
    if name not in _READERS:
        raise UserError(unknown("set of passages", name, _READERS))


def _sample() -> tuple[Passage, ...]:
    return tuple(divided(row["id"], row["text"]) for row in csv.DictReader(_sample_text().splitlines()))


def _sample_text() -> str:
    return files("tasks.perplexity").joinpath("passages.csv").read_text(encoding="utf-8")


def _gsm8k() -> tuple[Passage, ...]:
    """Question and worked answer, without the calculator's annotations and the final result line."""
    problems = sources.load(GSM8K)
    return tuple(divided(problem.id, f"{problem.question}\n{problem.meta['solution']}") for problem in problems)


_READERS: dict[str, Callable[[], tuple[Passage, ...]]] = {SAMPLE: _sample, GSM8K: _gsm8k}
