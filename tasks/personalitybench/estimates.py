"""Estimates over PersonalityBench's questions: what was sampled is a question, so intervals resample questions."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from steerbench.contracts import Metric
from steerbench.statistics import bootstrap_mean, cluster_bootstrap, means_where, weighted_means
from tasks.personalitybench.board import Answers, Array, Board, Part


def two_poles(parts: Sequence[Part]) -> dict[Part, float]:
    """Weights by which the means of these poles become the mean over traits of the sum over a trait's two poles.

    A trait with one pole counts it twice, so that the scale stays that of two.
    """
    traits = [trait for trait, _ in parts]
    return {(trait, pole): 2 / traits.count(trait) / len(set(traits)) for trait, pole in parts}


def mean_of_poles(board: Board, values: Array, weights: Mapping[Part, float], seed: int) -> Metric:
    """Weighted sum of the means of `values` [questions, targets] within poles.

    Undefined (nan) if a pole has no value at all; without an interval if one has fewer than two questions.
    """
    factors = np.array(list(weights.values()))
    return _resampled(
        _columns(board, values, weights), lambda counts, columns: weighted_means(counts, columns) @ factors, seed
    )


def variance_of_poles(board: Board, values: Array, weights: Mapping[Part, float], seed: int) -> Metric:
    """The same of the variances (mean squared distance from the mean) within poles."""
    factors = np.array(list(weights.values()))

    def variance(counts: Array, columns: Array) -> Array:
        squares, means = weighted_means(counts, columns**2), weighted_means(counts, columns)
        return np.asarray(np.maximum(squares - means**2, 0.0) @ factors)

    return _resampled(_columns(board, values, weights), variance, seed)


def mean(values: Array, seed: int) -> Metric | None:
    """Mean over questions, None if no question has a value."""
    return None if np.isnan(values).all() else bootstrap_mean(values, np.random.default_rng(seed))


def question_means(values: Array) -> Array:
    """[questions]: mean over the targets that have a value, nan if none has."""
    return means_where(values, ~np.isnan(values))


def separations(board: Board, row: Answers) -> Array:
    """[questions]: the own trait's rating under the high pole less that under the low one."""
    return np.asarray(-np.diff(board.by_pole(board.own(row)), axis=1)[:, 0])


def shifts_of_others(board: Board, row: Answers) -> Array:
    """[questions, traits]: the same for every trait that is not steered, from answers rated on all five traits."""
    complete = ~np.isnan(row.ratings).any(axis=2, keepdims=True)
    others = np.where(complete & ~board.steered, row.ratings, np.nan)
    return np.asarray(-np.diff(board.by_pole(others), axis=1)[:, 0])


def entries(board: Board, shifts: Array) -> dict[Part, Array]:
    """By (steered, rated) trait the shifts [questions] of the steered trait's questions, where there are any."""
    of_pairs = {
        (steered, rated): np.where(board.trait == steered, shifts[:, rated], np.nan)
        for steered in np.unique(board.trait).tolist()
        for rated in range(shifts.shape[1])
    }
    return {pair: found for pair, found in of_pairs.items() if not np.isnan(found).all()}


def mean_absolute(columns: Sequence[Array], seed: int) -> Metric | None:
    """Mean over columns [questions] of the absolute value of a column's mean, None if there is no column.

    Noise alone lifts it above 0; its interval is the resamples' spread about it, cut off at 0.
    """
    if not columns:
        return None
    found = _resampled(
        np.stack(columns, axis=1),
        lambda counts, values: np.abs(weighted_means(counts, values)).mean(axis=1),
        seed,
        centred=True,
    )
    return found if found.low is None else replace(found, low=max(found.low, 0.0))


def _columns(board: Board, values: Array, weights: Mapping[Part, float]) -> Array:
    """[questions, parts]: the values of each pole, nan for questions on another trait."""
    by_pole = board.by_pole(values)
    return np.stack([np.where(board.trait == trait, by_pole[:, pole], np.nan) for trait, pole in weights], axis=1)


def _resampled(columns: Array, statistic: Callable[[Array, Array], Array], seed: int, centred: bool = False) -> Metric:
    """A statistic of counts [resamples, questions] and columns [questions, parts], over questions with a value.

    Traits are not resampled apart: their share of the questions varies, and the statistic takes means per column.
    """
    known = ~np.isnan(columns)
    columns = columns[known.any(axis=1)]
    per_column = known.sum(axis=0)
    if not per_column.all():
        return Metric(math.nan, n=len(columns))
    if (per_column < 2).any():
        return Metric(float(statistic(np.ones((1, len(columns))), columns)[0]), n=len(columns))
    rng = np.random.default_rng(seed)
    return cluster_bootstrap(lambda counts: statistic(counts, columns), len(columns), rng, centred=centred)
