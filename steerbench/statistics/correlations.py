"""Correlations over people that general tendencies of items or people cannot raise."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric
from steerbench.statistics.bootstrap import RESAMPLES, cluster_bootstrap
from steerbench.statistics.crossed import CROSSED_FROM, OVER_BOTH, crossed_correlation

Array = NDArray[np.float64]
ALL_MATCHINGS_OF = 7
"""Largest number of people for which every matching is tried (5,040 of them)."""
MATCHINGS = 10_000
_NOTHING = 1e-12


def individual_r(
    expected: Array,
    truth: Array,
    seen: NDArray[np.bool_],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    group: NDArray[np.int64] | None = None,
) -> Metric | None:
    """Individual r: correlation of expected scores and ticks [people, items] after removing item and person means.

    The residuals are how a person's answer to an item differs from their other answers and from other people's. A
    predictor that says the same for everybody, or for every item, has zero residuals and scores 0. Means are over
    `seen` cells; other cells are ignored. A prediction from the *other* people of the run scores below 0: their mean
    exactly -1, their median a little below 0.

    The bootstrap resamples people and removes item means again in each resample. With missing cells this is
    approximate: residuals were centred on the full sample and missing ones count as 0, a second-order error. From
    `CROSSED_FROM` people, if `group` [items] is given, items are resampled within groups too. p is that of `mismatch`.
    None for a single person, whose residuals are all 0.
    """
    people = np.flatnonzero(seen.any(axis=1))
    if people.size < 2:
        return None
    left, right = two_way_residuals((expected[people], truth[people]), seen[people])
    cells = seen[people].astype(np.float64)
    products = _products(left, right).sum(axis=1)

    def correlation(counts: Array) -> Array:
        totals, answers = counts @ products, np.maximum(counts @ cells, 1.0)
        of_means = _products(counts @ left, counts @ right) / answers[..., None]
        return _correlation(totals - of_means.sum(axis=1), totals)

    found = cluster_bootstrap(correlation, people.size, rng, resamples)
    found = replace(found, p=mismatch(left, right, rng))
    if group is None or found.low is None or people.size < CROSSED_FROM:
        return found
    low, high = crossed_correlation(left, right, group, rng)
    return replace(found, low=low, high=high, note=OVER_BOTH)


def mismatch(left: Array, right: Array, rng: np.random.Generator) -> float | None:
    """Permutation p: the share of matchings of answers with people that correlate at least as well as the true one.

    From residuals [people, items]. One-sided. All matchings up to `ALL_MATCHINGS_OF` people, else 10,000 random ones,
    the true one included. None if either side is constant.
    """
    between = left @ right.T
    if not (left**2).sum() * (right**2).sum() > 0:
        return None
    people = len(between)
    if people <= ALL_MATCHINGS_OF:
        matchings = np.array(list(permutations(range(people))))
    else:
        order = rng.random((MATCHINGS, people)).argsort(axis=1)
        matchings = np.concatenate([np.arange(people)[None], order])
    sums = between[np.arange(people), matchings].sum(axis=1)
    own = np.trace(between)
    return float((sums >= own - 1e-9 * abs(own)).mean())


def two_way_residuals(matrices: Sequence[Array], seen: NDArray[np.bool_]) -> list[Array]:
    """Each matrix [people, items] minus person and item effects over seen cells; 0 where not seen.

    The effects are fitted jointly by least squares, so they are removed exactly for any pattern of missing cells.
    Residuals at the level of rounding become exactly 0.
    """
    cells = seen.astype(np.float64)
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1.0)

    def without_person_means(matrix: Array) -> Array:
        return np.where(seen, matrix - (shares * matrix).sum(axis=1, keepdims=True), 0.0)

    filled = [np.where(seen, matrix, 0.0) for matrix in matrices]
    rows = [without_person_means(matrix) for matrix in filled]
    # Normal equations of the item effects, with the person effects eliminated.
    normal = np.diag(cells.sum(axis=0)) - shares.T @ cells
    item_means = np.linalg.lstsq(normal, np.stack([row.sum(axis=0) for row in rows], axis=1), rcond=None)[0]
    residuals = [row - without_person_means(cells * mean) for row, mean in zip(rows, item_means.T, strict=True)]
    return [_beyond_rounding(residual, matrix) for residual, matrix in zip(residuals, filled, strict=True)]


def trait_profile_r(modelled: Array, own: Array, rng: np.random.Generator, resamples: int = RESAMPLES) -> Metric | None:
    """Correlation over people of modelled and own trait scores [people, traits], averaged over the traits.

    A trait on which either side is constant counts as 0. A person is left out of a trait where either score is nan.
    None for fewer than three people, since two always correlate perfectly.
    """
    known = ~(np.isnan(modelled) | np.isnan(own))
    people = np.flatnonzero(known.any(axis=1))
    if people.size < 3:
        return None
    cells = known[people].astype(np.float64)
    left, right = (_centred_columns(side[people], cells) for side in (modelled, own))
    products = _products(left, right)

    def mean_correlation(counts: Array) -> Array:
        totals: Array = np.asarray(np.tensordot(counts, products, axes=1))
        answers = np.maximum(counts @ cells, 1.0)
        of_means = _products(counts @ left, counts @ right) / answers[..., None]
        return np.asarray(_correlation(np.asarray(totals - of_means), totals).mean(axis=1))

    return cluster_bootstrap(mean_correlation, people.size, rng, resamples)


def _centred_columns(scores: Array, cells: Array) -> Array:
    filled = np.where(cells > 0, scores, 0.0)
    means = filled.sum(axis=0) / np.maximum(cells.sum(axis=0), 1.0)
    return _beyond_rounding(cells * (filled - means), filled)


def _beyond_rounding(residual: Array, original: Array) -> Array:
    """The residual [people, columns], set to exactly 0 in columns where it is only rounding error."""
    largest = np.abs(residual).max(axis=0, initial=0.0)
    return np.where(largest > 1e-9 * np.abs(original).max(initial=0.0), residual, 0.0)


def _products(left: Array, right: Array) -> Array:
    return np.stack([left * right, left**2, right**2], axis=-1)


def _correlation(centred: Array, raw: Array) -> Array:
    """Correlations from (xy, xx, yy) sums in the last axis, before and after centring; 0 if a side is constant.

    A variance below the rounding error of its sum counts as 0.
    """
    varies = (centred[..., 1:] > _NOTHING * raw[..., 1:]).all(axis=-1)
    spread = np.sqrt(np.where(varies, centred[..., 1] * centred[..., 2], 1.0))
    return np.asarray(np.clip(np.where(varies, centred[..., 0] / spread, 0.0), -1.0, 1.0))
