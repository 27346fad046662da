"""Dose-response curves: area, monotonicity, the strength that reaches an effect, and Pareto fronts.

A dose is a strength as a share, from 0 to 1, of the top of the method's range. A curve is known at some doses and at 0,
where there is no steering and no effect. Between them it is linear.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from steerbench.contracts import Metric
from steerbench.statistics import FEWEST, cluster_bootstrap, mean_estimate, weighted_means
from steerbench.studies.tradeoff.matching import read_off

Array = NDArray[np.float64]


def area(doses: Sequence[float], effects: Array) -> Metric:
    """Mean effect over the whole range from effects [doses, items]: the area under the curve."""
    x = np.concatenate([[0.0], doses])
    curves = np.concatenate([np.zeros((1, effects.shape[1])), effects])
    under = np.trapezoid(curves, x, axis=0) / x[-1]
    return mean_estimate(np.asarray(under))


def monotonicity(effects: Array, seed: int) -> Metric:
    """Spearman's correlation of strength and effect, from effects [doses, items] by increasing dose; items are
    resampled.

    The unsteered model is the first dose. If the effect is the same at all doses, the correlation is 0.
    """
    columns = np.concatenate([np.zeros((1, effects.shape[1])), effects]).T

    def spearman(counts: Array) -> Array:
        ranks = rankdata(np.round(weighted_means(counts, columns), 9), axis=1)
        centred = ranks - ranks.mean(axis=1, keepdims=True)
        order = np.arange(columns.shape[1]) - (columns.shape[1] - 1) / 2
        spread = np.sqrt((centred**2).sum(axis=1) * (order**2).sum())
        return np.asarray(np.divide(centred @ order, spread, out=np.zeros(len(ranks)), where=spread > 0))

    return cluster_bootstrap(spearman, columns.shape[0], np.random.default_rng(seed))


def strength_for(wanted: float, strengths: Sequence[float], effects: ArrayLike) -> float | None:
    """The weakest strength at which the mean effects reach `wanted`, to three digits; None if none does."""
    found = read_off(np.array([wanted]), strengths, np.asarray(effects, dtype=np.float64)[None])
    return float(f"{found.strengths[0]:.3g}") if found.reached[0] else None


def common_effect(reaches: Sequence[Metric]) -> float | None:
    """The largest effect that all methods with an effect reach; None if no method has one.

    The argument is each method's largest mean effect. A method whose interval contains 0 has no effect, and does not
    limit the others. Without an interval (all questions moved equally) a sign test decides, which needs six questions.
    """
    sure = [one.value for one in reaches if (one.low if one.low is not None else one.value * (one.n >= FEWEST)) > 0]
    return min(sure) if sure else None


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the undominated (effect, price) points: no other has at least the effect for at most the price.

    Of equal points the first is kept. In order of increasing effect.
    """
    order = sorted(range(len(points)), key=lambda i: (-points[i][0], points[i][1], i))
    kept: list[int] = []
    cheapest = np.inf
    for place in order:
        if points[place][1] < cheapest:
            kept.append(place)
            cheapest = points[place][1]
    return kept[::-1]
