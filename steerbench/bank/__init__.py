"""The embedded bank: situational questions and descriptions of personas, written for this project.

`questions.csv` has four questions for each of the 30 facets: one to search neurons on, one to calibrate on,
two to test on. `descriptions.csv` has eight descriptions of a person at each end of each trait.
"""

import csv
import hashlib
from functools import cache
from importlib.resources import files
from typing import Literal

from steerbench.contracts.targets import Item

Part = Literal["search", "calibration", "test"]


@cache
def questions(part: Part, trait: str | None = None) -> tuple[Item, ...]:
    """The questions of a part, for one trait (its letter) or for all."""
    return tuple(
        Item(row["id"], row["text"], trait=row["trait"], facet=row["facet"])
        for row in csv.DictReader(_text("questions.csv").splitlines())
        if row["part"] == part and trait in (None, row["trait"])
    )


@cache
def descriptions(trait: str, high: bool) -> tuple[str, ...]:
    """First-person descriptions of a person at one pole of a trait (its letter)."""
    end = "high" if high else "low"
    return tuple(
        row["text"]
        for row in csv.DictReader(_text("descriptions.csv").splitlines())
        if (row["trait"], row["end"]) == (trait, end)
    )


def digest() -> str:
    """One sha256 over both files."""
    return hashlib.sha256((_text("questions.csv") + _text("descriptions.csv")).encode()).hexdigest()


def _text(name: str) -> str:
    return files("steerbench.bank").joinpath(name).read_text(encoding="utf-8")
