"""Reads the sample that is shipped, `respondents.csv` on the bank's statements, and makes the people outside it."""

import csv
import hashlib
from functools import cache
from importlib.resources import files

from steerbench.bank.statements import read_statements, text_of_statements
from steerbench.contracts.targets import Item
from tasks.papi.inventory import Person
from tasks.papi.sample.simulate import simulate_outsiders


def read_sample() -> tuple[tuple[Item, ...], tuple[str, ...], tuple[str, ...], tuple[Person, ...]]:
    """Items, ids shown, ids asked, and people with their ticks."""
    parts = read_statements()
    items = tuple(item for item, _ in parts)
    shown, asked = (tuple(item.id for item, part in parts if part == wanted) for wanted in ("shown", "asked"))
    people = tuple(
        Person(row["person"], {item.id: int(row[item.id]) for item in items})
        for row in csv.DictReader(_respondents().splitlines())
    )
    return items, shown, asked, people


@cache
def sample_outsiders() -> tuple[Person, ...]:
    """Simulated people whom no run is about: 24 respondents are too few to tell what people in general answer."""
    items = tuple(item for item, _ in read_statements())
    return tuple(
        Person(f"outside-{number:03d}", dict(zip([item.id for item in items], map(int, ticks), strict=True)))
        for number, ticks in enumerate(simulate_outsiders(items), start=1)
    )


def digest_of_sample() -> str:
    """One sha256 over both files."""
    return hashlib.sha256((text_of_statements() + _respondents()).encode()).hexdigest()


def _respondents() -> str:
    return files("tasks.papi.sample").joinpath("respondents.csv").read_text(encoding="utf-8")
