"""A weighted sum of variances, with an interval that has good coverage for few and skewed ratings."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from steerbench.contracts import Metric
from steerbench.statistics.bootstrap import FEWEST
from steerbench.statistics.jackknife import jackknife_error

Array = NDArray[np.float64]


def variance_estimate(parts: Array, factors: Sequence[float] | Array) -> Metric:
    """The weighted sum of the column variances (ddof 1) of `parts` [units, parts]; a unit lacks a part where it is nan.

    The interval is for the logarithm, from the jackknife over units with Student's quantile. nan if a part has fewer
    than two units; no interval if a part has fewer than three, or nothing varies.
    """
    known = ~np.isnan(parts)
    parts = parts[known.any(axis=1)]
    units, per_part = len(parts), (~np.isnan(parts)).sum(axis=0)
    if not units or per_part.min() < 2:
        return Metric(math.nan, n=units)
    weights = np.asarray(factors, dtype=np.float64)
    value = float(np.nanvar(parts, axis=0, ddof=1) @ weights)
    if value <= 1e-15:
        return Metric(0.0, n=units, note="no interval: all values are the same")
    if per_part.min() < 3 or units < FEWEST:
        return Metric(value, n=units, note=f"no interval from fewer than {FEWEST}")
    without = np.array([np.nanvar(np.delete(parts, unit, axis=0), axis=0, ddof=1) @ weights for unit in range(units)])
    if without.min() <= 0:
        return Metric(value, n=units, note="no interval: one unit makes all the variance")
    logs = np.log(without)
    factor = math.exp(float(stats.t.ppf(0.975, units - 1)) * jackknife_error(logs))
    return Metric(value, value / factor, value * factor, units)
