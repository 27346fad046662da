"""AUC of ratings, with a score interval that has positive width even if every pair is ranked correctly."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from steerbench.contracts import Metric
from steerbench.statistics.shares import Z

Array = NDArray[np.float64]
_NEAR = 1e-9


def auc_estimate(high: Array, low: Array) -> Metric | None:
    """The probability that one of `high` [texts] is rated above one of `low` [texts], ties counting half.

    The score interval holds all areas that lie within 1.96 of their own standard errors of the observed one (Newcombe
    2006, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic", part 2, method 5). n is
    the number of texts. None if either side has no text.
    """
    if not high.size or not low.size:
        return None
    above = high[:, None] - low
    area = float(((above > 0) + (above == 0) / 2).mean())

    def beyond(truth: float) -> float:
        return abs(area - truth) - Z * _error(truth, high.size, low.size)

    # At 0 and 1 the standard error is 0, so an observed 0 or 1 is itself a root.
    lower = 0.0 if area == 0 else float(optimize.brentq(beyond, 0.0, area - _NEAR))
    upper = 1.0 if area == 1 else float(optimize.brentq(beyond, area + _NEAR, 1.0))
    return Metric(area, lower, upper, high.size + low.size)


def _error(area: float, high: int, low: int) -> float:
    """Standard error of an area (Hanley and McNeil 1982), with both sample sizes replaced by their mean."""
    more = (high + low) / 2 - 1
    spread = area * (1 - area) * (1 + more * ((1 - area) / (2 - area) + area / (1 + area))) / (high * low)
    return math.sqrt(max(spread, 0.0))
