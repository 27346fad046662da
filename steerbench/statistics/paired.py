"""Paired comparisons of two rows on the same units: sign-flip test, Holm's correction, and interval."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Comparison
from steerbench.statistics.means import mean_estimate
from steerbench.statistics.power import smallest_difference

Array = NDArray[np.float64]
EXACT_UP_TO = 14
"""Largest number of nonzero differences for which all sign patterns are enumerated (16,384 of them)."""
SIGN_RESAMPLES = 20_000

_CHUNK = 4000
_NOTHING = 1e-12


def sign_flip_test(differences: Array, rng: np.random.Generator) -> float:
    """Sign-flip test: two-sided p that paired `differences` [clusters] have mean 0, if symmetric under the null.

    Exact for up to 14 nonzero differences. Otherwise from 20,000 random sign patterns, the observed one included, so
    that p is never 0. If all differences are zero, p is 1.
    """
    flippable = differences[differences != 0]
    # Sums that are equal up to rounding are ties, and ties count as equally extreme.
    observed = abs(flippable.sum()) - _NOTHING * np.abs(flippable).sum()
    if flippable.size <= EXACT_UP_TO:
        all_patterns = np.arange(2**flippable.size)[:, None] >> np.arange(flippable.size) & 1
        return float((np.abs(_flipped_sums(all_patterns, flippable)) >= observed).mean())
    extreme = 0
    for start in range(0, SIGN_RESAMPLES, _CHUNK):
        shape = (min(_CHUNK, SIGN_RESAMPLES - start), flippable.size)
        # One random byte gives the signs of eight differences.
        drawn = np.frombuffer(rng.bytes(math.ceil(shape[0] * shape[1] / 8)), dtype=np.uint8)
        patterns = np.unpackbits(drawn, count=shape[0] * shape[1]).reshape(shape)
        extreme += int((np.abs(_flipped_sums(patterns, flippable)) >= observed).sum())
    return (extreme + 1) / (SIGN_RESAMPLES + 1)


def _flipped_sums(patterns: NDArray[Any], differences: Array) -> Array:
    """Sum of the differences under each pattern [patterns, differences] of kept (1) and flipped (0) signs."""
    return np.asarray(2 * (patterns.astype(np.float64) @ differences) - differences.sum())


def sign_flip_above(differences: Array, rng: np.random.Generator) -> float:
    """One-sided p for a mean above 0: half the two-sided p if the mean is positive, else 1."""
    return sign_flip_test(differences, rng) / 2 if differences.sum() > 0 else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-corrected p-values, in the order given (Holm 1979)."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]


def paired_comparisons(
    losses: Mapping[str, Array], method: str, against: Sequence[str], rng: np.random.Generator
) -> list[Comparison]:
    """Compare a method with other rows, by their losses [units] on the same units in the same order.

    A negative difference means that the method's loss is lower. Units where either loss is nan are left out of that
    comparison; if none is left, the difference is nan and p is 1.
    """
    paired = [losses[method] - losses[other] for other in against]
    paired = [difference[~np.isnan(difference)] for difference in paired]
    tested = [sign_flip_test(difference, rng) for difference in paired]
    return [
        _comparison(other, difference, p, p_holm)
        for other, difference, p, p_holm in zip(against, paired, tested, holm(tested), strict=True)
    ]


def _comparison(against: str, differences: Array, p: float, p_holm: float) -> Comparison:
    if not differences.size:
        return Comparison(against, math.nan, p, p_holm)
    mean = mean_estimate(differences)
    spread = float(differences.std(ddof=1)) if differences.size > 1 else math.nan
    smallest = smallest_difference(spread, differences.size)
    return Comparison(against, mean.value, p, p_holm, mean.low, mean.high, mean.n, smallest)
