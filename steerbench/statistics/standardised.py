"""Standardised mean of paired differences: the mean divided by their standard deviation (Cohen 1988, d_z)."""

import math

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric
from steerbench.statistics.jackknife import jackknife_estimate
from steerbench.statistics.means import SAME

Array = NDArray[np.float64]
NO_SPREAD = "undefined: all differences are the same"
_ROUNDING = 1e-12


def standardised_mean(differences: Array) -> Metric:
    """Mean divided by standard deviation (ddof 1) of `differences` [units], with a jackknife interval; nan is left out.

    0 if all differences are 0; undefined (nan) if all have the same other value, or there is only one.

    Raises:
        ValueError: no unit has a value.
    """
    known = differences[~np.isnan(differences)]
    if not known.size:
        raise ValueError("A mean needs at least one unit with a value.")
    if np.abs(known).max() <= _ROUNDING:
        return Metric(0.0, n=known.size, note=SAME)
    value = float(_ratios(known[None])[0])
    if math.isnan(value):
        return Metric(value, n=known.size, note=NO_SPREAD)
    units = np.arange(known.size)
    without = _ratios(np.stack([known[units != unit] for unit in units]))
    return jackknife_estimate(value, without)


def _ratios(rows: Array) -> Array:
    """[rows]: mean divided by standard deviation of each row [rows, units]; nan if a row is constant."""
    if rows.shape[1] < 2:
        return np.full(len(rows), np.nan)
    spread = rows.std(axis=1, ddof=1)
    varies = spread > _ROUNDING * np.maximum(1.0, np.abs(rows).max(axis=1))
    return np.asarray(np.divide(rows.mean(axis=1), spread, out=np.full(len(rows), np.nan), where=varies))
