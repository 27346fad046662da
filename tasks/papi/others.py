"""Whose answers tell a method what people in general are like: nobody's own, and nobody's of the run if that can be.

Norms that are taken from the people a run is about lean away from each of them: an item's median over the others of
twelve people has an individual r of -.37, and knows nothing. So they are taken from people outside the run, as soon as
there are a hundred of them. Where a run is all or nearly all of an inventory, people are split into ten folds, and a
person's others are all who are not in their fold.

What others answered includes the statements that measure. Outside the run that is nobody's answer that is asked for.
Under folds a person's measuring answers are among the others' of the rest of the run, while they measure
that person: this is cross-fitting, in which no person's own answers ever reach what answers for them. What is
sealed until every strength is chosen is a person's own.
"""

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.targets import Item, Others
from tasks.papi.inventory import Inventory

ENOUGH = 100
FOLDS = 10
SEED = 0
"""Of the folds: one for all runs, so that a person's others are the same in each."""


def others_by_person(inventory: Inventory, items: tuple[Item, ...]) -> dict[str, Others]:
    """By id, the others of everybody in the run; who has none is left out. People of one fold share theirs.

    `items` are the inventory's as the task asks them, in its order. Ticks are as the inventory's people have them:
    under stored keys, stored values.
    """
    if not _crossed(inventory):
        outside = Others(items, inventory.ticks[len(inventory.people) :])
        return {person.id: outside for person in inventory.people}
    fold = _folds(len(inventory.population))
    others = {number: Others(items, inventory.ticks[fold != number]) for number in np.unique(fold).tolist()}
    tested = zip(inventory.people, fold.tolist(), strict=False)  # the run's people are the population's first
    return {person.id: others[number] for person, number in tested if len(others[number].ticks)}


def where_from(inventory: Inventory) -> str:
    """Who the others are, for a run's identity."""
    if not _crossed(inventory):
        return f"{len(inventory.population) - len(inventory.people)} people outside the run"
    return f"{FOLDS} folds of {len(inventory.population)} people"


def _crossed(inventory: Inventory) -> bool:
    return len(inventory.population) - len(inventory.people) < ENOUGH


def _folds(people: int) -> NDArray[np.int64]:
    """[people]: the fold of each, in sizes that differ by one at most."""
    return np.random.default_rng(SEED).permutation(people) % FOLDS
