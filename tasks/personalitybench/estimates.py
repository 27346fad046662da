"""Estimates over PersonalityBench's questions. Questions are the sampled units, so intervals are over questions."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from steerbench.contracts import Metric
from steerbench.statistics import (
    means_where,
    sum_of_means,
    variance_estimate,
)
from tasks.personalitybench.board import Array, Part, PersonalityBenchAnswers, PersonalityBenchBoard


def two_poles(parts: Sequence[Part]) -> dict[Part, float]:
    """Weights that turn the means of these poles into the mean over traits of the sum over a trait's two poles.

    A trait with only one pole counts it twice, so that the scale stays the same.
    """
    traits = [trait for trait, _ in parts]
    return {(trait, pole): 2 / traits.count(trait) / len(set(traits)) for trait, pole in parts}


def mean_of_poles(board: PersonalityBenchBoard, values: Array, weights: Mapping[Part, float]) -> Metric:
    """Weighted sum of the means of `values` [questions, targets] within poles; nan if a pole has no value."""
    return _estimated(_columns(board, values, weights), list(weights.values()), sum_of_means)


def variance_of_poles(board: PersonalityBenchBoard, values: Array, weights: Mapping[Part, float]) -> Metric:
    """The same for the variances (ddof 1) over questions within poles."""
    return _estimated(_columns(board, values, weights), list(weights.values()), variance_estimate)


def question_means(values: Array) -> Array:
    """[questions]: mean over the targets with a value, nan if there is none."""
    return means_where(values, ~np.isnan(values))


def separations(board: PersonalityBenchBoard, row: PersonalityBenchAnswers) -> Array:
    """[questions]: the own trait's rating under the high pole minus that under the low one."""
    return np.asarray(-np.diff(board.by_pole(board.own(row)), axis=1)[:, 0])


def shifts_of_others(board: PersonalityBenchBoard, row: PersonalityBenchAnswers) -> Array:
    """[questions, traits]: the same for every trait that is not steered, from answers with ratings on all five."""
    complete = ~np.isnan(row.ratings).any(axis=2, keepdims=True)
    others = np.where(complete & ~board.steered, row.ratings, np.nan)
    return np.asarray(-np.diff(board.by_pole(others), axis=1)[:, 0])


def entries(board: PersonalityBenchBoard, shifts: Array) -> dict[Part, Array]:
    """By (steered, rated) trait, the shifts [questions] on the steered trait's questions, if there are any."""
    of_pairs = {
        (steered, rated): np.where(board.trait == steered, shifts[:, rated], np.nan)
        for steered in np.unique(board.trait).tolist()
        for rated in range(shifts.shape[1])
    }
    return {pair: found for pair, found in of_pairs.items() if not np.isnan(found).all()}


def _columns(board: PersonalityBenchBoard, values: Array, weights: Mapping[Part, float]) -> Array:
    """[questions, parts]: the values of each pole, nan for questions on another trait."""
    by_pole = board.by_pole(values)
    return np.stack([np.where(board.trait == trait, by_pole[:, pole], np.nan) for trait, pole in weights], axis=1)


def _estimated(
    columns: Array, factors: Sequence[float], estimate: Callable[[Array, Sequence[float]], Metric]
) -> Metric:
    """An estimate over the questions with a value; nan if there are none."""
    known = ~np.isnan(columns).all(axis=1)
    return estimate(columns[known], factors) if known.any() else Metric(math.nan)
