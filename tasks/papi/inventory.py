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
    """What somebody marked: item id to tick, 1 to 5, or 0 where there is no answer."""

    id: str
    answers: Mapping[str, int]


@dataclass(frozen=True)
class Inventory:
    """All items in the inventory's own order, which of them a method is shown and which are asked.

    `people` are those a run is about. `population` is everybody there is, those of the run first: whoever is outside
    the run tells what people in general answer.
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
    """A trait's items, one keyed + and one keyed - in turn, so that the first few are not all agreed with alike."""
    listed = list(items)
    by_key = ([item for item in listed if item.key == key] for key in (1, -1))
    return [item for pair in zip_longest(*by_key) for item in pair if item is not None]
