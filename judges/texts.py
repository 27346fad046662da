"""The texts that judges are made from: written for this project, each from one end of a trait, and in pairs."""

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class PoleAnswer(NamedTuple):
    """How somebody at one end of a trait (its letter) answers a question. Each question is answered from both ends."""

    trait: str
    question: str
    high: bool
    text: str


@cache
def answers() -> tuple[PoleAnswer, ...]:
    """`axis_answers.csv`; none of its questions is in the bank."""
    rows = _rows("axis_answers.csv")
    return tuple(PoleAnswer(row["trait"], row["question"], row["end"] == "high", row["text"]) for row in rows)


def statements(trait: str, high: bool) -> list[str]:
    """`axis_statements.csv`: one for each facet of a trait (its letter), by its end."""
    end = "high" if high else "low"
    return [row["text"] for row in _rows("axis_statements.csv") if (row["trait"], row["end"]) == (trait, end)]


@cache
def _rows(table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files("judges").joinpath(table).read_text(encoding="utf-8").splitlines()))
