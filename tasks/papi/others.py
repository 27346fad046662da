"""The other people whose answers show a method what people in general are like.

Norms from the people of a run are biased away from each of them: an item's median over the other eleven of twelve
people has an individual r of -.37, although it uses nothing about the person. So norms come from people outside the
run, if there are at least a hundred. If a run has all or nearly all people of an inventory, people are split into ten
folds, and a person's others are everyone outside their fold.

Other people's answers include those to the test statements. Outside the run, nobody's answers are asked for. With
folds, a person's test answers are among the others' answers of people in other folds. This is cross-fitting: no
person's own answers reach the prediction of these answers. Only a person's own answers are sealed until every strength
is chosen.
"""

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.targets import Item, Others
from tasks.papi.inventory import Inventory

ENOUGH = 100
FOLDS = 10
SEED = 0
"""Seed of the folds. It is the same in all runs, so that a person's others are too."""


def others_by_person(inventory: Inventory, items: tuple[Item, ...]) -> dict[str, Others]:
    """The others of everyone in the run, by id; people without others are left out. People of one fold share theirs.

    `items` are the inventory's items as the task asks them, in its order. Ticks are those of the inventory's people;
    with stored keys, stored values.
    """
    if not _crossed(inventory):
        outside = Others(items, inventory.ticks[len(inventory.people) :])
        return {person.id: outside for person in inventory.people}
    fold = _folds(len(inventory.population))
    others = {number: Others(items, inventory.ticks[fold != number]) for number in np.unique(fold).tolist()}
    tested = zip(inventory.people, fold.tolist(), strict=False)  # the run's people are the population's first
    return {person.id: others[number] for person, number in tested if len(others[number].ticks)}


def where_from(inventory: Inventory) -> str:
    """A description of the others for a run's identity."""
    if not _crossed(inventory):
        return f"{len(inventory.population) - len(inventory.people)} people outside the run"
    return f"{FOLDS} folds of {len(inventory.population)} people"


def _crossed(inventory: Inventory) -> bool:
    return len(inventory.population) - len(inventory.people) < ENOUGH


def _folds(people: int) -> NDArray[np.int64]:
    """[people]: each person's fold; sizes differ by at most one."""
    return np.random.default_rng(SEED).permutation(people) % FOLDS
