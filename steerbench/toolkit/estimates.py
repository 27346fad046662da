"""Estimates over a board's units; None where no unit has a value."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric
from steerbench.statistics import debiased_size, mean_estimate, share_estimate, standardised_mean

Array = NDArray[np.float64]


def mean(values: Array) -> Metric | None:
    """Mean over units."""
    return None if np.isnan(values).all() else mean_estimate(values)


def share(values: Array) -> Metric | None:
    """Mean over units of proportions from 0 to 1."""
    return None if np.isnan(values).all() else share_estimate(values)


def standardised(differences: Array) -> Metric | None:
    """Mean over units of paired differences, divided by their standard deviation."""
    return None if np.isnan(differences).all() else standardised_mean(differences)


def size(columns: Sequence[Array], seed: int) -> Metric | None:
    """Typical size of the columns' means [units], corrected for noise; None if no column has two values."""
    able = [column for column in columns if (~np.isnan(column)).sum() >= 2]
    return debiased_size(np.stack(able, axis=1), np.random.default_rng(seed)) if able else None
