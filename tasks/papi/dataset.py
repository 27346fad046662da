"""The inventories the PAPI task can ask: a small invented one that is shipped, and the published one."""

from dataclasses import replace
from typing import Literal

from steerbench.datasets.registry import dataset
from steerbench.errors import UserError
from steerbench.plugins import unknown
from steerbench.targets import Item
from tasks.papi.inventory import MISSING, Inventory, Person, norms
from tasks.papi.papi300 import DATASET, read_papi300
from tasks.papi.sample.reader import digest_of_sample, read_sample

__all__ = ["Inventory", "Keys", "Person", "load", "norms"]

Keys = Literal["ticked", "stored"]
SAMPLE = "sample"


def load(name: str = SAMPLE, keys: Keys = "ticked", limit: int | None = None) -> Inventory:
    """An inventory with its first `limit` people (all if None).

    With `keys="ticked"` answers are what people marked. With "stored" they are the reverse-keyed values
    the published test set stores, taken for ticks as the published code takes them: mirrored on every
    item keyed -1. Missing answers are 0 either way.

    Raises:
        UserError: nothing has that name, the limit is below 1, or the data cannot be had or are broken.
    """
    if limit is not None and limit < 1:
        raise UserError(f"The limit of respondents is {limit}; it has to be at least 1.")
    if name == SAMPLE:
        digest, (items, shown, asked, people) = digest_of_sample(), read_sample()
    elif name == DATASET:
        digest, (items, shown, asked, people) = dataset(DATASET).digest, read_papi300()
    else:
        raise UserError(unknown("PAPI inventory", name, (SAMPLE, DATASET)))
    if keys == "stored":
        people = tuple(_as_stored(person, items) for person in people)
    return Inventory(name, digest, items, shown, asked, people[:limit], people)


def _as_stored(person: Person, items: tuple[Item, ...]) -> Person:
    scores = {item.id: int(item.keyed(tick)) if (tick := person.answers[item.id]) else MISSING for item in items}
    return replace(person, answers=scores)
