"""One row's scored answers as a grid, which is what a metric sees of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Score, Scored
from steerbench.statistics import means_where

Array = NDArray[np.float64]
OF_TARGETS = ("targets", "people")
"""Values of `over` for which the unit of the interval is a target; for all others it is an item."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The scores [targets, items] of one row; None where a target was not asked an item.

    Intervals and tests resample units: items if `by_item`, and targets otherwise. `plain` are the unsteered row's
    answers to the same questions; None for that row itself, and where there is none. What is random is drawn from
    `seed` afresh for every metric, so that none depends on another.
    """

    targets: tuple[str, ...]
    items: tuple[str, ...]
    scores: NDArray[np.object_]
    by_item: bool
    seed: int = 0
    plain: "Answers | None" = None

    def each(self, read: Callable[[Score], float | bool | None]) -> Array:
        """[targets, items]: a value of each answer; nan where it has none, and where nothing was asked."""
        told = [[None if score is None else read(score) for score in of_target] for of_target in self.scores]
        return np.array(told, dtype=np.float64).reshape(self.scores.shape)  # None becomes nan

    def record(self, name: str) -> Array:
        """[targets, items]: a number of each answer's record."""
        return self.each(lambda score: score.record.get(name))

    def by_items(self, read: Callable[[Score], Any]) -> list[Any]:
        """[items]: what is the same of an item whatever the target, such as its right answer."""
        first = [next(score for score in of_item if score is not None) for of_item in self.scores.T]
        return [read(score) for score in first]

    @property
    def asked(self) -> NDArray[np.bool_]:
        """[targets, items]: whether the target was asked the item."""
        return np.array([[score is not None for score in of_target] for of_target in self.scores], dtype=np.bool_)

    @property
    def losses(self) -> Array:
        """[targets, items]: nan where an answer could not be scored."""
        return self.each(lambda score: score.loss)

    def units(self, values: Array) -> Array:
        """[units]: means of the values [targets, items] that a unit has; nan if it has none."""
        if not np.isnan(values).any():
            return np.asarray(values.mean(axis=0 if self.by_item else 1))
        by_unit = values.T if self.by_item else values
        return means_where(by_unit, ~np.isnan(by_unit))

    def whole(self, values: Array) -> Array:
        """The values [targets, items] without the units that lack one of them."""
        lacking = (self.asked & np.isnan(values)).any(axis=0 if self.by_item else 1)
        return np.where(lacking[None, :] if self.by_item else lacking[:, None], np.nan, values)

    def of_target(self, target: str) -> "Answers":
        """The same, as if the other targets had not been asked."""
        place = self.targets.index(target)
        plain = self.plain.of_target(target) if self.plain is not None else None
        return replace(self, targets=(target,), scores=self.scores[place : place + 1], plain=plain)

    def beside(self, plain: "Answers") -> "Answers":
        """The same, with the unsteered row's answers to the same questions."""
        return replace(self, plain=replace(plain, targets=self.targets, items=self.items, scores=_aligned(plain, self)))


def answers_of(scored: Sequence[Scored], over: str, seed: int = 0) -> Answers:
    """A row as a grid, its targets and items in the order of their first appearance."""
    targets = tuple(dict.fromkeys(one.target for one in scored))
    items = tuple(dict.fromkeys(one.item for one in scored))
    rows, columns = ({name: place for place, name in enumerate(names)} for names in (targets, items))
    scores = np.full((len(targets), len(items)), None, dtype=object)
    for one in scored:
        scores[rows[one.target], columns[one.item]] = one.score
    return Answers(targets, items, scores, over not in OF_TARGETS, seed)


def _aligned(plain: Answers, to: Answers) -> NDArray[np.object_]:
    """The scores of one row in the places of another's questions; None where it was not asked one."""
    rows, columns = ({name: place for place, name in enumerate(names)} for names in (plain.targets, plain.items))
    scores = np.full(to.scores.shape, None, dtype=object)
    for place in np.ndindex(scores.shape):
        target, item = to.targets[place[0]], to.items[place[1]]
        if target in rows and item in columns and to.scores[place] is not None:
            scores[place] = plain.scores[rows[target], columns[item]]
    return scores
