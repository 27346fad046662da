"""An inventory with the people who filled it in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.targets import Item

MISSING = 0
HIGHEST = 5


@dataclass(frozen=True)
class Person:
    """A person's ticks by item id, 1 to 5, or 0 for a missing answer."""

    id: str
    answers: Mapping[str, int]


@dataclass(frozen=True)
class Inventory:
    """All items in the inventory's own order, the ids shown to a method, and the ids asked.

    `people` are those of the run. `population` is everyone, the run's people first; the others show what people in
    general answer.
    """

    name: str
    digest: str
    items: tuple[Item, ...]
    shown: tuple[str, ...]
    asked: tuple[str, ...]
    people: tuple[Person, ...] = field(repr=False)
    population: tuple[Person, ...] = field(repr=False)

    @cached_property
    def ticks(self) -> NDArray[np.int64]:
        """[people of the population, items], 0 for missing."""
        return np.array([[person.answers[item.id] for item in self.items] for person in self.population])


def in_turn(items: Iterable[Item]) -> list[Item]:
    """Items keyed + and - in alternation, so that agreeing with everything does not fit the first few."""
    listed = list(items)
    by_key = ([item for item in listed if item.key == key] for key in (1, -1))
    return [item for pair in zip_longest(*by_key) for item in pair if item is not None]
