"""Texts that judges are built on, written for this project. Each is from one end of a trait, and they come in pairs."""

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class PoleAnswer(NamedTuple):
    """An answer from one end of a trait (its letter) to a question. Each question has an answer from both ends."""

    trait: str
    question: str
    high: bool
    text: str


@cache
def answers() -> tuple[PoleAnswer, ...]:
    """The rows of `axis_answers.csv`. None of its questions is in the bank."""
    rows = _rows("axis_answers.csv")
    return tuple(PoleAnswer(row["trait"], row["question"], row["end"] == "high", row["text"]) for row in rows)


def statements(trait: str, high: bool) -> list[str]:
    """The statements of one end of a trait (its letter) in `axis_statements.csv`, one for each facet."""
    end = "high" if high else "low"
    return [row["text"] for row in _rows("axis_statements.csv") if (row["trait"], row["end"]) == (trait, end)]


@cache
def _rows(table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files("judges").joinpath(table).read_text(encoding="utf-8").splitlines()))
