"""Self-report as arrays: the rows of a board over the same targets and statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Scored
from steerbench.contracts.targets import LABELS, TRAITS
from steerbench.statistics import means_where

Array = NDArray[np.float64]
LOWEST, HIGHEST = min(LABELS), max(LABELS)


@dataclass(frozen=True, eq=False)
class InventoryAnswers:
    """What one row said; every array is [targets, items] of the whole board.

    `asked` where it was; `answer` (a tick) and `expected` (1 to 5) are nan where there is none.
    """

    asked: NDArray[np.bool_]
    answer: Array
    expected: Array


@dataclass(frozen=True, eq=False)
class InventoryBoard:
    """All rows by name. `trait` [items] and `key` [items] are the statements'; `high` [targets, items] is 1 where the
    target is the high end of the statement's trait, 0 where the low one, nan where the trait is not steered."""

    rows: Mapping[str, InventoryAnswers]
    trait: NDArray[np.str_]
    key: NDArray[np.int64]
    high: Array
    steered: Sequence[frozenset[str]]
    """By target, the traits that it steers."""

    @cached_property
    def traits(self) -> list[str]:
        """Those that are steered, in their order."""
        return [trait for trait in TRAITS if any(trait in steered for steered in self.steered)]

    def of_trait(self, trait: str) -> NDArray[np.bool_]:
        """[items]"""
        return np.asarray(self.trait == trait)

    def scores(self, row: InventoryAnswers) -> Array:
        """[targets, items]: high is high on the trait."""
        return np.where(self.key == 1, row.expected, LOWEST + HIGHEST - row.expected)

    def towards(self, row: InventoryAnswers) -> Array:
        """[targets, items]: scores that are high towards the target's own end, nan for statements on other traits."""
        scores = self.scores(row)
        return np.where(self.high == 1, scores, np.where(self.high == 0, LOWEST + HIGHEST - scores, np.nan))

    def losses(self, row: InventoryAnswers) -> Array:
        """[items]: mean distance from the ends steered to; nan where none is, or an answer is not readable."""
        distance = HIGHEST - self.towards(row)
        own = row.asked & ~np.isnan(self.high)
        lacking = (own & np.isnan(distance)).any(axis=0)
        return np.where(lacking, np.nan, over_targets(distance))

    def separations(self, row: InventoryAnswers) -> Array:
        """[items]: the score under the high end of the statement's own trait less that under the low one."""
        scores = self.scores(row)
        return over_targets(np.where(self.high == 1, scores, np.nan)) - over_targets(
            np.where(self.high == 0, scores, np.nan)
        )

    def spilled(self, row: InventoryAnswers) -> dict[tuple[str, str], Array]:
        """By (steered, rated) trait, [items]: the same on the statements of a trait that is not the steered one.

        Of targets that steer one trait alone: in a blend, whose doing it is cannot be told.
        """
        scores, found = self.scores(row), {}
        for trait in self.traits:
            alone = np.array([steered == {trait} for steered in self.steered])
            own = self.high[:, self.of_trait(trait)]
            end = np.array([of[~np.isnan(of)][0] if (~np.isnan(of)).any() else np.nan for of in own])
            ends = [over_targets(np.where((alone & (end == side))[:, None], scores, np.nan)) for side in (1, 0)]
            for rated in (one for one in TRAITS if one != trait):
                apart = np.where(self.of_trait(rated), ends[0] - ends[1], np.nan)
                if not np.isnan(apart).all():
                    found[trait, rated] = apart
        return found


def over_targets(values: Array) -> Array:
    """[items]: mean over the targets that have a value, nan if none has."""
    return means_where(values.T, ~np.isnan(values.T))


def board_of(rows: Mapping[str, Sequence[Scored]]) -> InventoryBoard:
    """The rows' answers on one grid of targets and statements, each in order of first appearance."""
    every = [one for scored in rows.values() for one in scored]
    targets = {one: place for place, one in enumerate(dict.fromkeys(one.target for one in every))}
    items = {one: place for place, one in enumerate(dict.fromkeys(one.item for one in every))}
    shape = len(targets), len(items)
    trait, key = np.full(shape[1], "", dtype="U1"), np.zeros(shape[1], dtype=np.int64)
    high, steered = np.full(shape, np.nan), [frozenset[str]()] * shape[0]
    grids: dict[str, InventoryAnswers] = {}
    for name, scored in rows.items():
        row = InventoryAnswers(np.zeros(shape, dtype=np.bool_), np.full(shape, np.nan), np.full(shape, np.nan))
        for one in scored:
            told, cell = one.score.record, (targets[one.target], items[one.item])
            trait[cell[1]], key[cell[1]], steered[cell[0]] = told["trait"], told["key"], frozenset(told["steered"])
            row.asked[cell] = True
            for values, value in ((high, told["high"]), (row.answer, told["answer"]), (row.expected, told["expected"])):
                values[cell] = np.nan if value is None else float(value)
        grids[name] = row
    return InventoryBoard(grids, trait, key, high, steered)
