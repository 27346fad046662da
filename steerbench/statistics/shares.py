"""Shares of yes and no among units, with Wilson's interval: 0 of 12 is not certainly 0.

Units may count several times or in part (a person's share of unreadable answers): then the interval is that of a
sample of the size whose share would vary as much, with Student's quantile for few units (the effective sample size of
Korn and Graubard 1998; Wilson 1927).
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from steerbench.contracts import Metric

Array = NDArray[np.float64]
Z = float(stats.norm.ppf(0.975))


def share_estimate(hits: Array, asked: Array | None = None) -> Metric:
    """Sum of `hits` over sum of `asked`, both [units] (`asked` is 1 if not given); nan units are left out.

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
    """Mean of `changes` [units] of a share, each from -1 to 1, such as right (1) less right before (1).

    What was gained and what was lost are two shares with intervals of their own, joined by their squared distances
    (Zou and Donner 2008): of 30 problems with no change at all, [-.11, .11].

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
    """Wilson's 95 % interval of a share seen among `size`."""
    middle = (share + Z**2 / (2 * size)) / (1 + Z**2 / size)
    half = Z / (1 + Z**2 / size) * math.sqrt(share * (1 - share) / size + Z**2 / (4 * size**2))
    return (0.0 if share == 0 else max(middle - half, 0.0)), (1.0 if share == 1 else min(middle + half, 1.0))


def _effective_size(share: float, hits: Array, asked: Array) -> float:
    """Size of a simple sample whose share varies as much as this one of clusters."""
    units = hits.size
    if (asked == 1).all() and np.isin(hits, (0.0, 1.0)).all():
        return float(units)
    variance = float(((hits - share * asked) ** 2).sum()) * units / (units - 1) / float(asked.sum()) ** 2
    if share in (0.0, 1.0) or variance < 1e-15:
        return float(units)
    return share * (1 - share) / variance * (Z / float(stats.t.ppf(0.975, units - 1))) ** 2
