"""Reads the shipped sample, `items.csv` and `respondents.csv`, and makes the people outside it."""

import csv
import hashlib
from functools import cache
from importlib.resources import files

from steerbench.targets import Item
from tasks.papi.inventory import Person
from tasks.papi.sample.simulate import simulate_outsiders
from tasks.papi.wording import second_person


def read_sample() -> tuple[tuple[Item, ...], tuple[str, ...], tuple[str, ...], tuple[Person, ...]]:
    """Items, ids shown, ids asked, and people with their ticks."""
    parts = read_items()
    items = tuple(item for item, _ in parts)
    shown, asked = (tuple(item.id for item, part in parts if part == wanted) for wanted in ("shown", "asked"))
    people = tuple(
        Person(row["person"], {item.id: int(row[item.id]) for item in items})
        for row in csv.DictReader(_text("respondents.csv").splitlines())
    )
    return items, shown, asked, people


@cache
def sample_outsiders() -> tuple[Person, ...]:
    """Simulated people whom no run is about: 24 respondents are too few to tell what people in general answer."""
    items = tuple(item for item, _ in read_items())
    return tuple(
        Person(f"outside-{number:03d}", dict(zip([item.id for item in items], map(int, ticks), strict=True)))
        for number, ticks in enumerate(simulate_outsiders(items), start=1)
    )


def read_items() -> list[tuple[Item, str]]:
    """Every statement and its part, "shown" or "asked"."""
    return [
        (
            Item(row["id"], row["text"], second_person(row["text"]), row["trait"], row["facet"], int(row["key"])),
            row["part"],
        )
        for row in csv.DictReader(_text("items.csv").splitlines())
    ]


def digest_of_sample() -> str:
    """One sha256 over both files."""
    return hashlib.sha256((_text("items.csv") + _text("respondents.csv")).encode()).hexdigest()


def _text(name: str) -> str:
    return files("tasks.papi.sample").joinpath(name).read_text(encoding="utf-8")
