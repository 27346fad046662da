"""PAPI's scored items as arrays: the rows of a board over the same people and items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Scored
from steerbench.contracts.targets import LABELS, MIDDLE, TRAITS

Array = NDArray[np.float64]
LOWEST, HIGHEST = min(LABELS), max(LABELS)


@dataclass(frozen=True, eq=False)
class PAPIAnswers:
    """What one row of a board answered; every array is [people, items] of the whole board.

    `tick` is what the person marked and nan where the row was not asked. `answer` and `expected` are nan
    where there is none: not asked, or unreadable. All are on the tick scale, 1 to 5.
    """

    tick: Array
    answer: Array
    expected: Array

    @property
    def asked(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.tick)

    @property
    def unreadable(self) -> NDArray[np.bool_]:
        return np.asarray(self.asked & np.isnan(self.answer))

    def errors(self, unreadable: str) -> Array:
        """Absolute error of each answer, nan where not asked.

        An unreadable answer counts as the scale's `middle`, as the `best` or the `worst` tick there could
        have been, or is left out (`drop`).
        """
        error = np.abs(self.answer - self.tick)
        if unreadable == "drop":
            return error
        instead = {
            "middle": np.abs(MIDDLE - self.tick),
            "best": np.zeros_like(self.tick),
            "worst": np.maximum(self.tick - LOWEST, HIGHEST - self.tick),
        }[unreadable]
        return np.where(self.unreadable, instead, error)


@dataclass(frozen=True, eq=False)
class PAPIBoard:
    """All rows by name. `trait` [items] indexes `traits`, those the items are about; `key` [items] is +1 or -1."""

    rows: Mapping[str, PAPIAnswers]
    traits: tuple[str, ...]
    trait: NDArray[np.int64]
    key: NDArray[np.int64]

    def keyed(self, ticks: Array) -> Array:
        """Ticks [people, items] as scores: high is high on the trait."""
        return np.where(self.key == 1, ticks, LOWEST + HIGHEST - ticks)

    def trait_means(self, values: Array) -> Array:
        """[people, traits]: each person's mean over the items of a trait, nan where they have none."""
        of_trait = (self.trait[:, None] == np.arange(len(self.traits))).astype(np.float64)
        known = ~np.isnan(values)
        counts = known @ of_trait
        sums = np.where(known, values, 0.0) @ of_trait
        return np.asarray(np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0))


def board_of(rows: Mapping[str, Sequence[Scored]]) -> PAPIBoard:
    """The rows' scored items on one grid of people and items, each in order of first appearance."""
    people: dict[str, int] = {}
    items: dict[str, int] = {}
    key: list[int] = []
    trait_of: list[str] = []
    for scored in rows.values():
        for one in scored:
            people.setdefault(one.target, len(people))
            if one.item not in items:
                items[one.item] = len(items)
                key.append(one.score.record["key"])
                trait_of.append(one.score.record["trait"])
    traits = _in_order(trait_of)
    return PAPIBoard(
        {name: _answers(scored, people, items) for name, scored in rows.items()},
        traits,
        np.array([traits.index(trait) for trait in trait_of], dtype=np.int64),
        np.array(key, dtype=np.int64),
    )


def _in_order(traits: Sequence[str]) -> tuple[str, ...]:
    """Each trait once: the Big Five in their order, then others as they come."""
    found = dict.fromkeys(traits)
    return tuple(trait for trait in TRAITS if trait in found) + tuple(trait for trait in found if trait not in TRAITS)


def _answers(scored: Sequence[Scored], people: Mapping[str, int], items: Mapping[str, int]) -> PAPIAnswers:
    cells = np.array([people[one.target] * len(items) + items[one.item] for one in scored], dtype=np.int64)

    def grid(field: str) -> Array:
        values = np.full(len(people) * len(items), np.nan)
        # None becomes nan.
        values[cells] = np.array([one.score.record[field] for one in scored], dtype=np.float64)
        return values.reshape(len(people), len(items))

    return PAPIAnswers(grid("tick"), grid("answer"), grid("expected"))
