"""The typical size of several means, corrected for the upward bias from noise."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric
from steerbench.statistics.bootstrap import FEWEST, RESAMPLES, percentile_level, resample_counts, weighted_means

Array = NDArray[np.float64]


def debiased_size(columns: Array, rng: np.random.Generator, resamples: int = RESAMPLES) -> Metric:
    """Square root of the mean over columns of m² - se², from `columns` [units, columns] (nan where missing).

    m is a column's mean and se its standard error. Noise raises the expected m² by se², so without this correction
    columns without any effect would have a positive size. A negative result counts as 0. The interval is computed for
    the squared size: resampling adds the noise once more, so resamples are shifted to the estimate before taking the
    root. Columns with fewer than two units are ignored.

    Raises:
        ValueError: no column has two units.
    """
    columns = columns[:, (~np.isnan(columns)).sum(axis=0) >= 2]
    columns = columns[~np.isnan(columns).all(axis=1)]
    if not columns.size:
        raise ValueError("A size needs a column with at least two units.")
    units = len(columns)
    square = float(_squares(np.ones((1, units)), columns)[0])
    found = Metric(_root(square), n=units)
    if units < FEWEST:
        return replace(found, note=f"no interval from fewer than {FEWEST}")
    drawn = _squares(resample_counts(units, rng, resamples), columns)
    drawn = drawn[~np.isnan(drawn)]
    level = percentile_level(units)
    low, high = np.quantile(drawn, [level, 1 - level]) + (square - drawn.mean())
    return replace(found, low=_root(float(low)), high=_root(float(high)))


def _squares(counts: Array, columns: Array) -> Array:
    """[resamples]: mean over columns of m² - se²; a column with fewer than two drawn units is ignored."""
    units = counts @ (~np.isnan(columns)).astype(np.float64)
    means, squares = weighted_means(counts, columns), weighted_means(counts, columns**2)
    errors = np.divide(squares - means**2, units - 1, out=np.full_like(means, np.nan), where=units > 1)
    cells = means**2 - np.maximum(errors, 0.0)
    known = ~np.isnan(cells)
    count = known.sum(axis=1)
    return np.asarray(
        np.divide(np.where(known, cells, 0.0).sum(axis=1), count, out=np.full(len(cells), np.nan), where=count > 0)
    )


def _root(square: float) -> float:
    return float(np.sqrt(max(square, 0.0)))
