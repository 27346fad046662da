"""PersonalityBench's rated answers as arrays: the rows of a board over the same questions and targets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Scored
from steerbench.contracts.targets import LABELS, TRAITS
from steerbench.statistics import means_where

Array = NDArray[np.float64]
LOWEST, HIGHEST = min(LABELS), max(LABELS)
POLES = (1, -1)
"""The ends of a trait, high before low: the order of every axis `poles`."""
LETTERS = list(TRAITS)
Part = tuple[int, int]
"""A pole of a trait: the trait's index, and the pole's."""
RUNS = (1, 2, 3)
"""Lengths of the runs of words whose distinct share is reported."""


@dataclass(frozen=True, eq=False)
class PersonalityBenchAnswers:
    """What one row of a board answered; nan where a question was not asked of a target, or nothing was rated.

    `ratings` [questions, targets, traits], 1 to 5 as the judge gave them; the others [questions, targets].
    `distinct` [questions, targets, runs] is nan for answers too short to have such a run. An answer that never left its
    thoughts was truncated there, and has neither `words`, `as_ai` nor `distinct`.
    """

    asked: NDArray[np.bool_]
    ratings: Array
    fluency: Array
    truncated: Array
    words: Array
    as_ai: Array
    distinct: Array


@dataclass(frozen=True, eq=False)
class PersonalityBenchBoard:
    """All rows by name.

    `trait` [questions] indexes the five traits in their order. `end` [questions, targets] is +1 or -1 where the
    target is steered to the high or low end of the question's trait, and 0 where the question is not the target's.
    `steered` [targets, traits].
    """

    rows: Mapping[str, PersonalityBenchAnswers]
    targets: tuple[str, ...]
    trait: NDArray[np.int64]
    end: NDArray[np.int64]
    steered: NDArray[np.bool_]

    def own(self, row: PersonalityBenchAnswers) -> Array:
        """[questions, targets]: the rating of the question's own trait."""
        return row.ratings[np.arange(len(self.trait)), :, self.trait]

    def towards(self, ratings: Array) -> Array:
        """[questions, targets]: ratings of the question's own trait as scores, 5 at the end that is steered to."""
        return np.where(self.end == 1, ratings, LOWEST + HIGHEST - ratings)

    def of_target(self, target: int) -> "PersonalityBenchBoard":
        """The same, as if the others had not been asked."""
        only = np.arange(len(self.targets)) == target
        return replace(self, end=np.where(only, self.end, 0))

    @property
    def parts(self) -> list[Part]:
        """The poles that were asked, by trait: high before low."""
        return [
            (trait, pole)
            for trait in np.unique(self.trait).tolist()
            for pole, end in enumerate(POLES)
            if (self.end[self.trait == trait] == end).any()
        ]

    @property
    def paired(self) -> bool:
        """Whether any trait was asked under both of its poles."""
        traits = [trait for trait, _ in self.parts]
        return len(set(traits)) < len(traits)

    def by_pole(self, values: Array) -> Array:
        """[questions, poles (high, low), ...] from [questions, targets, ...]: mean over the targets of a pole."""
        return np.stack([_means(values, self.end == end) for end in POLES], axis=1)


def board_of(rows: Mapping[str, Sequence[Scored]]) -> PersonalityBenchBoard:
    """The rows' answers on one grid of questions and targets.

    Both are sorted by id: what a resample draws of a row then depends on no other row.
    """
    everything = [one for scored in rows.values() for one in scored]
    questions = {item: place for place, item in enumerate(sorted({one.item for one in everything}))}
    targets = {target: place for place, target in enumerate(sorted({one.target for one in everything}))}
    trait = np.zeros(len(questions), dtype=np.int64)
    end = np.zeros((len(questions), len(targets)), dtype=np.int64)
    steered = np.zeros((len(targets), len(LETTERS)), dtype=np.bool_)
    for one in everything:
        record, question, target = one.score.record, questions[one.item], targets[one.target]
        trait[question] = LETTERS.index(record["trait"])
        end[question, target] = 1 if record["high"] else -1
        steered[target, [LETTERS.index(letter) for letter in record["steered"]]] = True
    grids = {name: _answers(scored, questions, targets) for name, scored in rows.items()}
    return PersonalityBenchBoard(grids, tuple(targets), trait, end, steered)


def _answers(
    scored: Sequence[Scored], questions: Mapping[str, int], targets: Mapping[str, int]
) -> PersonalityBenchAnswers:
    cells = [questions[one.item] for one in scored], [targets[one.target] for one in scored]
    records = [one.score.record for one in scored]

    def grid(read: Callable[[Mapping[str, Any]], Any], *more: int) -> Array:
        values = np.full((len(questions), len(targets), *more), np.nan)
        # None becomes nan.
        values[cells] = np.array([read(record) for record in records], dtype=np.float64).reshape(-1, *more)
        return values

    return PersonalityBenchAnswers(
        asked=~np.isnan(grid(lambda record: 1.0)),
        ratings=grid(lambda record: [record["ratings"].get(letter) for letter in LETTERS], len(LETTERS)),
        fluency=grid(lambda record: record["fluency"]),
        truncated=grid(lambda record: record["finish"] in ("length", "thinking")),
        words=grid(lambda record: record["words"]),
        # Scores that were kept before it was read do not tell.
        as_ai=grid(lambda record: record.get("as_ai")),
        distinct=grid(lambda record: [record[f"distinct_{n}"] for n in RUNS], len(RUNS)),
    )


def _means(values: Array, where: NDArray[np.bool_]) -> Array:
    """Mean over the targets `where`, of the values there are; nan if there are none."""
    known = where.reshape(*where.shape, *[1] * (values.ndim - 2)) & ~np.isnan(values)
    return means_where(values, known)
