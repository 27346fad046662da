"""An inventory with the people who filled it in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from steerbench.targets import Item

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

    `people` are those a run is about; `population` is everybody, also those a limit left out, because
    what is known of people in general must not depend on how many of them are tested.
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

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of `ticks` by person id."""
        return {person.id: row for row, person in enumerate(self.population)}

    @cached_property
    def tallies(self) -> NDArray[np.int64]:
        """[items, 6]: how many of the population have each tick, missing in column 0."""
        return np.stack([(self.ticks == tick).sum(axis=0) for tick in range(HIGHEST + 1)], axis=1)


def norms(inventory: Inventory, person_id: str) -> dict[str, float]:
    """Per item the median tick of the *other* people of the population, missing answers left out.

    An item that nobody else answered has no norm and is left out. Taking one person out of the
    tallies, instead of a median per person, makes this linear in the items alone.

    Raises:
        KeyError: the person is not in the population.
    """
    own = inventory.ticks[inventory.rows[person_id]]
    others = inventory.tallies.copy()
    others[np.arange(len(own)), own] -= 1
    upto = others[:, MISSING + 1 :].cumsum(axis=1)  # answers of at most 1, 2, ... 5
    answers = upto[:, -1]
    # The two middle answers in rising order, one and the same if their number is odd.
    middle = [1 + (upto <= place[:, None]).sum(axis=1) for place in ((answers - 1) // 2, answers // 2)]
    medians = (middle[0] + middle[1]) / 2
    return {item.id: float(median) for item, median, n in zip(inventory.items, medians, answers, strict=True) if n > 0}
