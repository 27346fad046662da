"""The two-stage bootstrap of matched methods: strengths are read off resampled curves, and prices off price curves.

A matched strength is an estimate: other calibration questions would have given another one. So each resample draws the
calibration questions anew, the same for every method. It reads each method's strength off its resampled curve, and
takes the price at that strength instead of the chosen one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from steerbench.contracts import Metric
from steerbench.statistics import percentile_level, resample_counts

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RESAMPLES = 10_000
"""The smallest p is 2 / 10,001, which is small enough for a Holm correction over a hundred tests."""
_CHUNK = 1000
_DIGITS = 10
"""Means are rounded so that ties are the same on every machine. The published check allows 1e-9."""


@dataclass(frozen=True)
class Rematched:
    """By resample, the strength at which a method has the wanted effect, and whether it reaches it.

    If it does not, the strength is the one with its largest effect in the resample.
    """

    strengths: Array
    reached: Mask


@dataclass(frozen=True)
class TestedDifference:
    """A difference with its interval and p. If there are none, `why` says the reason."""

    metric: Metric
    p: float | None
    why: str = ""


def resampled_means(values: Array, rng: np.random.Generator) -> Array:
    """[resamples, columns]: means of `values` [units, columns] over units drawn with replacement, in whole rows."""
    units = len(values)
    chunks = [resample_counts(units, rng, _CHUNK) @ values / units for _ in range(RESAMPLES // _CHUNK)]
    return np.asarray(np.round(np.concatenate(chunks), _DIGITS), dtype=np.float64)


def read_off(wanted: Array, strengths: Sequence[float], effects: Array) -> Rematched:
    """The weakest strengths at which curves of mean effects [curves, doses] reach the effects `wanted` [curves].

    A curve starts at strength 0 and effect 0 and is linear between doses. A curve that does not reach its effect gets
    the first dose with its largest effect, the limit of curves that just reach it.
    """
    knots = np.concatenate([[0.0], strengths])
    heights = np.concatenate([np.zeros((len(effects), 1)), np.round(effects, _DIGITS)], axis=1)
    there = heights >= np.round(wanted, _DIGITS)[:, None]
    reached, first = there.any(axis=1), there.argmax(axis=1)
    right = np.maximum(first, 1)
    low, high = (np.take_along_axis(heights, at[:, None], axis=1)[:, 0] for at in (right - 1, right))
    between = reached & (first > 0)
    share = np.divide(wanted - low, high - low, out=np.zeros(len(low)), where=between)
    crossed = knots[right - 1] + np.minimum(share, 1.0) * (knots[right] - knots[right - 1])
    peak = knots[1 + heights[:, 1:].argmax(axis=1)]
    return Rematched(np.where(reached, crossed, peak), reached)


def rematched(
    wanted: float | str, strengths: Mapping[str, Sequence[float]], effects: Mapping[str, Array]
) -> dict[str, Rematched]:
    """Every method's strength in every resample, from resampled mean effects [resamples, doses] by method.

    A wanted effect in points is fixed. If `wanted` is a method, the effect is that method's largest one in each
    resample, because as an estimate it varies with the questions too.
    """
    if not isinstance(wanted, str):
        return {m: read_off(np.full(len(own), wanted), strengths[m], own) for m, own in effects.items()}
    at = effects[wanted].max(axis=1)
    peak = np.asarray(strengths[wanted])[effects[wanted].argmax(axis=1)]
    others = {m: read_off(at, strengths[m], own) for m, own in effects.items() if m != wanted}
    return others | {wanted: Rematched(peak, np.ones(len(peak), dtype=bool))}


def along(strengths: Array, knots: Sequence[float], heights: Array) -> Array:
    """[resamples]: the height of each resample's curve at its strength.

    `heights` is [resamples, knots], with increasing knots. A curve starts at (0, 0).
    """
    x = np.concatenate([[0.0], knots])
    y = np.concatenate([np.zeros((len(heights), 1)), heights], axis=1)
    right = np.clip(np.searchsorted(x, strengths), 1, len(x) - 1)
    share = (strengths - x[right - 1]) / (x[right] - x[right - 1])
    low, high = (np.take_along_axis(y, at[:, None], axis=1)[:, 0] for at in (right - 1, right))
    return np.asarray(low + share * (high - low))


def tested(value: float, drawn: Array, units: int, n: int) -> TestedDifference:
    """An estimate with the expanded percentile interval of its resamples, and the corresponding p.

    p is the smallest level at which the interval excludes 0 (Efron and Tibshirani 1993, section 15.4), widened for few
    units as in `percentile_level`. `units` is the smallest number of resampled units, `n` the number of items.
    """
    drawn = np.round(drawn, _DIGITS)
    if (drawn == drawn[0]).all():
        return TestedDifference(Metric(value, n=n), None, "every resample gives the same")
    extreme = min((drawn <= 0).sum(), (drawn >= 0).sum())
    tail = min((extreme + 1) / (len(drawn) + 1), 0.5)
    p = 2 * stats.t.cdf(math.sqrt((units - 1) / units) * stats.norm.ppf(tail), units - 1)
    return TestedDifference(Metric(value, *interval(drawn, units), n), float(p))


def interval(drawn: Array, units: int) -> tuple[float, float]:
    """The expanded percentile interval of resampled values."""
    level = percentile_level(units)
    low, high = np.quantile(drawn, [level, 1 - level])
    return float(low), float(high)
