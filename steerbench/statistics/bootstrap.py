"""Cluster bootstrap, for statistics without a simpler interval: correlations and ratios."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from steerbench.contracts import FEWEST as FEWEST
from steerbench.contracts import Metric

Array = NDArray[np.float64]
Statistic = Callable[[Array], Array]
"""From counts [resamples, clusters] (how often each cluster was drawn) to values [resamples]."""

RESAMPLES = 2000
CONFIDENCE = 0.95
MOST_UNDEFINED = 0.05
"""Largest share of undefined resamples for which the others still give an interval."""


def cluster_bootstrap(
    statistic: Statistic,
    clusters: int,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Metric:
    """A statistic with its 95 % expanded percentile interval over clusters.

    The plain percentile interval is too narrow for few clusters. Its levels are expanded so that for a mean it is as
    wide as Student's (Hesterberg 2015, "What Teachers Should Know About the Bootstrap", section 4.2). There is no
    interval with fewer than `FEWEST` clusters, if more than 5 % of the resamples are undefined (nan), or if all have
    the same value; the metric's note then says so.
    """
    value = float(statistic(np.ones((1, clusters)))[0])
    if math.isnan(value):
        return Metric(value, n=clusters)
    if clusters < FEWEST:
        return Metric(value, n=clusters, note=f"no interval from fewer than {FEWEST}")
    drawn = statistic(resample_counts(clusters, rng, resamples))
    known = drawn[~np.isnan(drawn)]
    if known.size < (1 - MOST_UNDEFINED) * resamples:
        return Metric(
            value, n=clusters, note=f"no interval: undefined in {resamples - known.size} of {resamples} resamples"
        )
    if np.ptp(known) <= 1e-12 * max(1.0, abs(value)):
        return Metric(value, n=clusters, note="no interval: the same in every resample")
    level = percentile_level(clusters)
    low, high = np.quantile(known, [level, 1 - level])
    return Metric(value, float(low), float(high), clusters)


def resample_counts(clusters: int, rng: np.random.Generator, resamples: int) -> Array:
    """[resamples, clusters]: how often each cluster is drawn, with as many draws per resample as clusters."""
    drawn = rng.integers(clusters, size=(resamples, clusters))
    drawn += clusters * np.arange(resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=resamples * clusters)
    return counts.reshape(resamples, clusters).astype(np.float64)


def percentile_level(clusters: int) -> float:
    """Lower level of the expanded percentile interval: .025 for many clusters, less for few."""
    tail = (1 - CONFIDENCE) / 2
    return float(stats.norm.cdf(math.sqrt(clusters / (clusters - 1)) * stats.t.ppf(tail, clusters - 1)))


def weighted_means(counts: Array, values: Array) -> Array:
    """[resamples, parts]: weighted mean of each column of `values` [clusters, parts], ignoring nan."""
    known = ~np.isnan(values)
    weights = counts @ known.astype(np.float64)
    sums = counts @ np.where(known, values, 0.0)
    return np.asarray(np.divide(sums, weights, out=np.full_like(sums, np.nan), where=weights > 0))
