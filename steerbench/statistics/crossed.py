"""Intervals over people and items together, for samples of people so large that items dominate the uncertainty."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from steerbench.contracts import Metric
from steerbench.statistics.bootstrap import resample_counts
from steerbench.statistics.means import means_where

Array = NDArray[np.float64]
CROSSED_FROM = 100
"""Number of people from which intervals generalise over items too; with fewer, people dominate the uncertainty."""
OVER_BOTH = "over people and items"
RESAMPLES = 500


def crossed_sum(values: Array, group: NDArray[np.int64]) -> Metric:
    """Sum over item groups of the mean over people of each person's mean `values` [people, items] in the group.

    `group` [items] is numbered from 0. Missing values are nan; every person needs a value in every group. The variance
    is that over people plus that over items within groups. The residual variance thus counts twice, which makes the
    interval slightly too wide (Owen 2007, "The pigeonhole bootstrap", section 4).
    """
    known = ~np.isnan(values)
    groups = range(int(group.max()) + 1)
    people = np.stack([means_where(values[:, group == g], known[:, group == g]) for g in groups], axis=1).sum(axis=1)
    by_item = means_where(values.T, known.T)
    of_groups = [by_item[group == g] for g in groups]
    of_groups = [items[~np.isnan(items)] for items in of_groups]
    variance = people.var(ddof=1) / people.size + sum(items.var(ddof=1) / items.size for items in of_groups)
    free = min(people.size - 1, sum(items.size - 1 for items in of_groups))
    half = float(stats.t.ppf(0.975, free)) * math.sqrt(float(variance))
    value = float(people.mean())
    return Metric(value, value - half, value + half, people.size, OVER_BOTH)


def crossed_correlation(
    left: Array, right: Array, group: NDArray[np.int64], rng: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """95 % interval of the correlation of two matrices of residuals [people, items].

    People, and items within groups, are resampled independently; a cell counts as often as the product of the two (Owen
    2007). Missing cells are 0 in both.
    """
    drawn = np.array([_weighted_r(left, right, *_draw(group, len(left), rng)) for _ in range(resamples)])
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _draw(group: NDArray[np.int64], people: int, rng: np.random.Generator) -> tuple[Array, Array]:
    items = np.zeros(group.size)
    for one in range(int(group.max()) + 1):
        of_group = group == one
        items[of_group] = resample_counts(int(of_group.sum()), rng, 1)[0]
    return resample_counts(people, rng, 1)[0], items


def _weighted_r(left: Array, right: Array, people: Array, items: Array) -> float:
    def product(one: Array, other: Array) -> float:
        """Sum of products after removing weighted person and item means; a cell's weight is people times items."""
        of_people, of_items = (one @ items, other @ items), (people @ one, people @ other)
        cells = float(people @ (one * other) @ items)
        between_people = float(people @ (of_people[0] * of_people[1])) / items.sum()
        between_items = float(items @ (of_items[0] * of_items[1])) / people.sum()
        totals = float(people @ of_people[0]) * float(people @ of_people[1]) / (people.sum() * items.sum())
        return float(cells - between_people - between_items + totals)

    spread = product(left, left) * product(right, right)
    return product(left, right) / math.sqrt(spread) if spread > 0 else 0.0
