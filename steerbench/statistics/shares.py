"""Proportions among units with Wilson's interval (1927), which has positive width even at 0 of 12.

A unit may count several times or in part, such as a person's share of unreadable answers. The interval then uses the
effective sample size: that of a simple sample whose share varies as much (Korn and Graubard 1998), with Student's
quantile for few units.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from steerbench.contracts import Metric

Array = NDArray[np.float64]
Z = float(stats.norm.ppf(0.975))


def share_estimate(hits: Array, asked: Array | None = None) -> Metric:
    """Sum of `hits` divided by sum of `asked`, both [units] (`asked` is 1 by default); units with nan are left out.

    Raises:
        ValueError: no unit has a value.
    """
    known = ~np.isnan(hits)
    hits = hits[known]
    asked = np.ones(hits.size) if asked is None else asked[known]
    if not hits.size or not asked.sum():
        raise ValueError("A share needs at least one unit with a value.")
    share = float(hits.sum() / asked.sum())
    if hits.size < 2:
        return Metric(share, n=hits.size, note="no interval from one")
    low, high = wilson(share, _effective_size(share, hits, asked))
    return Metric(share, low, high, hits.size)


def change_of_share(changes: Array) -> Metric:
    """Mean of a share's `changes` [units], each from -1 to 1, such as correct now (1) minus correct before (1).

    Gains and losses are two proportions with Wilson intervals, which are combined by the square-and-add method (Zou and
    Donner 2008). For 30 problems without any change the interval is [-.11, .11].

    Raises:
        ValueError: no unit has a value.
    """
    known = changes[~np.isnan(changes)]
    gained, lost = share_estimate(np.maximum(known, 0.0)), share_estimate(np.maximum(-known, 0.0))
    value = gained.value - lost.value
    if gained.low is None or gained.high is None or lost.low is None or lost.high is None:
        return Metric(value, n=known.size, note=gained.note)
    down = math.hypot(gained.value - gained.low, lost.high - lost.value)
    up = math.hypot(gained.high - gained.value, lost.value - lost.low)
    return Metric(value, value - down, value + up, known.size)


def wilson(share: float, size: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share observed in a sample of `size`."""
    middle = (share + Z**2 / (2 * size)) / (1 + Z**2 / size)
    half = Z / (1 + Z**2 / size) * math.sqrt(share * (1 - share) / size + Z**2 / (4 * size**2))
    return (0.0 if share == 0 else max(middle - half, 0.0)), (1.0 if share == 1 else min(middle + half, 1.0))


def _effective_size(share: float, hits: Array, asked: Array) -> float:
    """Size of a simple random sample whose share has the same variance as this one over clusters."""
    units = hits.size
    if (asked == 1).all() and np.isin(hits, (0.0, 1.0)).all():
        return float(units)
    variance = float(((hits - share * asked) ** 2).sum()) * units / (units - 1) / float(asked.sum()) ** 2
    if share in (0.0, 1.0) or variance < 1e-15:
        return float(units)
    return share * (1 - share) / variance * (Z / float(stats.t.ppf(0.975, units - 1))) ** 2
