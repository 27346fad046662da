"""Jackknife intervals, from leaving out one unit at a time (Efron 1982, chapter 3)."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from steerbench.contracts import Metric

Array = NDArray[np.float64]
FEWEST = 3
"""Least number of units for an interval."""


def jackknife_estimate(value: float, without: Array) -> Metric:
    """A statistic with Student's interval, from its values `without` [units] each unit.

    With fewer than three units, or if one of these values is undefined, there is no interval and the note says so.
    """
    units = without.size
    if units < FEWEST:
        return Metric(value, n=units, note=f"no interval from fewer than {FEWEST}")
    if np.isnan(without).any():
        return Metric(value, n=units, note="no interval: undefined without one of them")
    half = float(stats.t.ppf(0.975, units - 1)) * jackknife_error(without)
    return Metric(value, value - half, value + half, units)


def jackknife_error(without: Array) -> float:
    """Jackknife standard error from the values `without` [units] each unit."""
    units = without.size
    return math.sqrt((units - 1) / units * float(((without - without.mean()) ** 2).sum()))
