"""Reliability of a questionnaire's answers: Cronbach's alpha and split-half reliability.

Both are about people's total scores, and undefined for rows that answer alike for everybody.
"""

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric
from steerbench.statistics.bootstrap import Statistic, cluster_bootstrap

Array = NDArray[np.float64]
ALIKE = "undefined: the answers are the same for everybody"
_FLAT = 1e-12


def cronbach_alpha(scales: list[Array], rng: np.random.Generator) -> Metric:
    """The mean alpha of `scales`, each with keyed scores [people, items], and its interval over people.

    alpha = k / (k - 1) (1 - sum of item variances / variance of the total) (Cronbach 1951, equation 2). Scales of fewer
    than two items are left out; nan if none is left, or if a scale's total is the same for everybody.
    """
    long = [scale for scale in scales if scale.shape[1] > 1]

    def alpha(counts: Array) -> Array:
        found = []
        for scale in long:
            parts = _variances(counts, scale).sum(axis=1)
            whole = _variances(counts, scale.sum(axis=1, keepdims=True))[:, 0]
            ratio = np.divide(parts, whole, out=np.full_like(whole, np.nan), where=whole > _FLAT)
            found.append(scale.shape[1] / (scale.shape[1] - 1) * (1 - ratio))
        return np.asarray(np.mean(found, axis=0))

    return _estimate(alpha, long, rng)


def split_half(scales: list[Array], rng: np.random.Generator) -> Metric:
    """Split-half reliability, averaged over scales: 2r / (1 + |r|), with r the correlation of the halves' sums.

    The halves are the even and the odd items; the formula is Spearman-Brown (1910). Using |r| keeps the value above -1
    for negatively correlated halves, for which no reliability is defined. Scales, interval and undefined cases are as
    for `cronbach_alpha`.
    """
    long = [scale for scale in scales if scale.shape[1] > 1]

    def corrected(counts: Array) -> Array:
        found = []
        for scale in long:
            halves = [scale[:, start::2].sum(axis=1, keepdims=True) for start in (0, 1)]
            one, two = (_variances(counts, half)[:, 0] for half in halves)
            both = _variances(counts, halves[0] + halves[1])[:, 0]
            known = np.minimum(one, two) > _FLAT
            spread = np.sqrt(np.where(known, one * two, np.nan))
            r = (both - one - two) / 2 / spread
            found.append(2 * r / (1 + np.abs(r)))
        return np.asarray(np.mean(found, axis=0))

    return _estimate(corrected, long, rng)


def _estimate(statistic: Statistic, scales: list[Array], rng: np.random.Generator) -> Metric:
    if not scales:
        return Metric(float("nan"), note="undefined: no scale has two items")
    people = len(scales[0])
    found = cluster_bootstrap(statistic, people, rng)
    return Metric(found.value, n=people, note=ALIKE) if np.isnan(found.value) else found


def _variances(counts: Array, values: Array) -> Array:
    """[resamples, columns]: variance of `values` [people, columns], with people weighted by `counts` [resamples,
    people]."""
    centred = values - values.mean(axis=0)
    n = counts.sum(axis=1, keepdims=True)
    means = counts @ centred / n
    return np.asarray(counts @ centred**2 / n - means**2)
