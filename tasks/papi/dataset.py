"""The inventories of the PAPI task: a small invented one that is included, and the published ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from steerbench.contracts.targets import Item
from steerbench.datasets.registry import dataset
from steerbench.errors import UserError, unknown
from tasks.papi import dark_triad, papi300
from tasks.papi.inventory import MISSING, Inventory, Person
from tasks.papi.sample.reader import digest_of_sample, read_sample, sample_outsiders

__all__ = ["DARK_TRIAD", "SAMPLE", "Inventory", "Keys", "Person", "load", "stores_scores"]

Keys = Literal["ticked", "stored"]
SAMPLE, PAPI300, DARK_TRIAD = "sample", papi300.DATASET, dark_triad.DATASET


@dataclass(frozen=True)
class _Source:
    """An inventory's digest, and functions that read its items, ids shown, ids asked and people with their ticks.

    `scores`: the published values are already reverse-keyed, although the published code takes them for ticks.
    `outsiders` are people who are in no run.
    """

    digest: Callable[[], str]
    read: Callable[[], tuple[tuple[Item, ...], tuple[str, ...], tuple[str, ...], tuple[Person, ...]]]
    scores: bool
    outsiders: Callable[[], tuple[Person, ...]] = tuple


_SOURCES = {
    SAMPLE: _Source(digest_of_sample, read_sample, scores=True, outsiders=sample_outsiders),
    PAPI300: _Source(lambda: dataset(PAPI300).digest, papi300.read_papi300, scores=True),
    DARK_TRIAD: _Source(lambda: dataset(DARK_TRIAD).digest, dark_triad.read_dark_triad, scores=False),
}


def load(name: str = SAMPLE, keys: Keys = "ticked", limit: int | None = None) -> Inventory:
    """An inventory with its first `limit` people (all if None).

    With `keys="ticked"`, answers are what people ticked. With "stored", they are the published values taken for ticks,
    as in the published code. On `papi-300`, and on the sample modelled on it, these are reverse-keyed, so they are
    mirrored on every item keyed -1. Missing answers are 0 in both cases.

    Raises:
        UserError: the name is unknown, the limit is below 1, or the data are missing or invalid.
    """
    if limit is not None and limit < 1:
        raise UserError(f"The limit of respondents is {limit}; it has to be at least 1.")
    source = _source(name)
    items, shown, asked, people = source.read()
    population = (*people, *source.outsiders())
    if keys == "stored" and source.scores:
        population = tuple(_as_stored(person, items) for person in population)
    tested = len(people) if limit is None else min(limit, len(people))
    return Inventory(name, source.digest(), items, shown, asked, population[:tested], population)


def stores_scores(name: str) -> bool:
    """Whether an inventory's published values are reverse-keyed scores instead of ticks.

    Raises:
        UserError: the name is unknown.
    """
    return _source(name).scores


def _source(name: str) -> _Source:
    if name not in _SOURCES:
        raise UserError(unknown("PAPI inventory", name, _SOURCES))
    return _SOURCES[name]


def _as_stored(person: Person, items: tuple[Item, ...]) -> Person:
    scores = {item.id: int(item.keyed(tick)) if (tick := person.answers[item.id]) else MISSING for item in items}
    return replace(person, answers=scores)
