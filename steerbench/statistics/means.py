"""Means over units, and sums of means of their parts, with Student's interval, which needs two units."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from steerbench.contracts import Metric

Array = NDArray[np.float64]
SAME = "no interval: all values are the same"
ONE = "no interval from one"
_ROUNDING = 1e-12


def mean_estimate(values: Array) -> Metric:
    """Mean of `values` [units]; units without a value (nan) are left out.

    Raises:
        ValueError: no unit has a value.
    """
    return sum_of_means(values[:, None], [1.0])


def sum_of_means(parts: Array, factors: Sequence[float] | Array) -> Metric:
    """The weighted sum of the column means of `parts` [units, parts]; a unit lacks a part where it is nan.

    The variance is that of each unit's contribution to the sum (linearisation of a ratio), taken within groups of units
    with the same parts. For questions on five traits, each in its own column, it is the sum of five variances of means.
    The degrees of freedom are the units minus the number of groups. nan if a part has no unit; no interval if a part
    has only one.

    Raises:
        ValueError: no unit has a part.
    """
    known = ~np.isnan(parts)
    parts, known = parts[known.any(axis=1)], known[known.any(axis=1)]
    units, per_part = len(parts), known.sum(axis=0)
    if not units:
        raise ValueError("A mean needs at least one unit with a value.")
    if not per_part.all():
        return Metric(math.nan, n=units)
    weights = np.asarray(factors, dtype=np.float64)
    means = np.where(known, parts, 0.0).sum(axis=0) / per_part
    value = float(means @ weights)
    if per_part.min() < 2:
        return Metric(value, n=units, note=ONE)
    shares = (np.where(known, parts - means, 0.0) / per_part) @ weights
    groups = np.unique(known, axis=0, return_inverse=True)[1].ravel()
    spread, free = _within(shares, groups)
    if free < 1:
        return Metric(value, n=units, note=ONE)
    if spread <= _ROUNDING * max(1.0, float(np.abs(parts[known]).max())):
        return Metric(value, n=units, note=SAME)
    half = float(stats.t.ppf(0.975, free)) * spread
    return Metric(value, value - half, value + half, units)


def _within(shares: Array, groups: NDArray[Any]) -> tuple[float, int]:
    """Standard error of the sum of independent `shares` [units], centred within groups, and its degrees of freedom."""
    sizes = np.bincount(groups)
    centred = shares - (np.bincount(groups, weights=shares) / sizes)[groups]
    free = len(shares) - len(sizes)
    return math.sqrt(float((centred**2).sum()) * len(shares) / max(free, 1)), free


def means_where(values: NDArray[Any], where: NDArray[np.bool_]) -> Array:
    """[rows, ...]: mean along the second axis over the cells in `where`; nan if there are none."""
    counts, sums = where.sum(axis=1), np.where(where, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0))
