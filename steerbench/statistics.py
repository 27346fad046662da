"""How sure a number is: bootstrap intervals over clusters, paired tests, correlations between people.

A cluster is what was sampled independently: a respondent, or a question; items within one are not.
Every function knows arrays only, and every random draw comes from the generator it is given, so the same
generator state gives the same interval.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from steerbench.contracts import Comparison, Metric

Array = NDArray[np.float64]
Statistic = Callable[[Array], Array]
"""From weights [resamples, clusters] (how often each cluster was drawn) to a value per resample."""

RESAMPLES = 2000
CONFIDENCE = 0.95
EXACT_UP_TO = 14
"""Differences up to which all sign patterns (16,384) are enumerated."""
SIGN_RESAMPLES = 20_000

_CHUNK = 4000
_NOTHING = 1e-12


def cluster_bootstrap(
    statistic: Statistic,
    clusters: int,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    centred: bool = False,
) -> Metric:
    """A statistic with its 95 % expanded percentile interval over clusters.

    The plain percentile interval is too narrow for few clusters; its levels are widened so that, for a
    mean, it is as wide as Student's (Hesterberg 2015, "What Teachers Should Know About the Bootstrap",
    section 4.2). Resamples in which the statistic is undefined (nan) are left out. Fewer than two
    clusters have no interval.

    `centred` is for statistics that noise drives one way, as it does an absolute value: resampling adds noise,
    and the plain interval would lie beside the estimate. Then the resamples' spread is laid about the estimate.
    """
    value = float(statistic(np.ones((1, clusters)))[0])
    if clusters < 2:
        return Metric(value, n=clusters)
    drawn = statistic(resample_counts(clusters, rng, resamples))
    drawn = drawn[~np.isnan(drawn)]
    if not drawn.size:
        return Metric(value, n=clusters)
    level = percentile_level(clusters)
    low, high = np.quantile(drawn, [level, 1 - level]) + (value - drawn.mean() if centred else 0.0)
    return Metric(value, float(low), float(high), clusters)


def bootstrap_mean(values: Array, rng: np.random.Generator, resamples: int = RESAMPLES) -> Metric:
    """Mean of `values` [clusters] with its interval; clusters without a value (nan) are left out.

    Raises:
        ValueError: no cluster has a value.
    """
    known = values[~np.isnan(values)]
    if not known.size:
        raise ValueError("A mean needs at least one cluster with a value.")
    return cluster_bootstrap(lambda counts: weighted_means(counts, known[:, None])[:, 0], known.size, rng, resamples)


def resample_counts(clusters: int, rng: np.random.Generator, resamples: int) -> Array:
    """[resamples, clusters]: how often each cluster is drawn when as many are drawn with replacement."""
    drawn = rng.integers(clusters, size=(resamples, clusters))
    drawn += clusters * np.arange(resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=resamples * clusters)
    return counts.reshape(resamples, clusters).astype(np.float64)


def percentile_level(clusters: int) -> float:
    """Lower tail of the expanded percentile interval: .025 for many clusters, less for few."""
    tail = (1 - CONFIDENCE) / 2
    return float(stats.norm.cdf(math.sqrt(clusters / (clusters - 1)) * stats.t.ppf(tail, clusters - 1)))


def weighted_means(counts: Array, values: Array) -> Array:
    """[resamples, parts]: mean of each column of `values` [clusters, parts], over the clusters that have one."""
    known = ~np.isnan(values)
    weights = counts @ known.astype(np.float64)
    sums = counts @ np.where(known, values, 0.0)
    return np.asarray(np.divide(sums, weights, out=np.full_like(sums, np.nan), where=weights > 0))


def means_where(values: NDArray[Any], where: NDArray[np.bool_]) -> Array:
    """[rows, ...]: mean along the second axis over the cells `where`, nan where there are none."""
    counts, sums = where.sum(axis=1), np.where(where, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0))


def sign_flip_test(differences: Array, rng: np.random.Generator) -> float:
    """Two-sided p of paired `differences` [clusters] having mean 0, if each could as well be its negative.

    Exact for up to 14 differences that are not zero, else from 20,000 random sign patterns, the
    observed one among them, so that p is never 0. A zero difference has no sign to flip; with
    nothing but zeros p is 1.
    """
    flippable = differences[differences != 0]
    # Sums that are equal but for rounding are ties, and a tie is as extreme as what was observed.
    observed = abs(flippable.sum()) - _NOTHING * np.abs(flippable).sum()
    if flippable.size <= EXACT_UP_TO:
        all_patterns = np.arange(2**flippable.size)[:, None] >> np.arange(flippable.size) & 1
        return float((np.abs(_flipped_sums(all_patterns, flippable)) >= observed).mean())
    extreme = 0
    for start in range(0, SIGN_RESAMPLES, _CHUNK):
        shape = (min(_CHUNK, SIGN_RESAMPLES - start), flippable.size)
        # Signs are bits: a byte from the generator serves eight differences.
        drawn = np.frombuffer(rng.bytes(math.ceil(shape[0] * shape[1] / 8)), dtype=np.uint8)
        patterns = np.unpackbits(drawn, count=shape[0] * shape[1]).reshape(shape)
        extreme += int((np.abs(_flipped_sums(patterns, flippable)) >= observed).sum())
    return (extreme + 1) / (SIGN_RESAMPLES + 1)


def _flipped_sums(patterns: NDArray[Any], differences: Array) -> Array:
    """Sum of the differences under each pattern [patterns, differences] of kept (1) and flipped (0) signs."""
    return np.asarray(2 * (patterns.astype(np.float64) @ differences) - differences.sum())


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for having made all these tests, in the order given (Holm 1979)."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]


def paired_comparisons(
    losses: Mapping[str, Array], method: str, against: Sequence[str], rng: np.random.Generator
) -> list[Comparison]:
    """A method against other rows, by their losses [clusters] of the same clusters in the same order.

    A negative difference says the method loses less. Clusters that lack either loss (nan) are left out of
    that pair; with no pair at all the difference is nan and p is 1.
    """
    paired = [losses[method] - losses[other] for other in against]
    paired = [difference[~np.isnan(difference)] for difference in paired]
    tested = [sign_flip_test(difference, rng) for difference in paired]
    return [
        Comparison(other, float(difference.mean()) if difference.size else math.nan, p, p_holm)
        for other, difference, p, p_holm in zip(against, paired, tested, holm(tested), strict=True)
    ]


def individual_r(
    expected: Array, truth: Array, seen: NDArray[np.bool_], rng: np.random.Generator, resamples: int = RESAMPLES
) -> Metric | None:
    """Correlation of expected score and tick [people, items] after taking out item and person means.

    What is left is how a person's answer to an item departs from what they answer on the whole and what
    people answer to that item: an answer that is the same for everybody, or the same to every item, leaves
    nothing and earns 0. Means are over `seen` cells, the others contribute nothing.
    An answer made from the *other* people leans away from each person's own and earns less than 0: their
    mean, exactly -1; their median, a little below 0.

    Resamples are of people, and item means are taken out anew in each. Where cells are missing this is
    one pass over residuals that were centred exactly on the full sample: a missing cell counts as a zero
    residual when a person's mean is kept at zero, an error of second order. None for a single person,
    whose item means are their own answers.
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

    return cluster_bootstrap(correlation, people.size, rng, resamples)


def two_way_residuals(matrices: Sequence[Array], seen: NDArray[np.bool_]) -> list[Array]:
    """Each matrix [people, items] less its person and item means over seen cells; 0 where not seen.

    The means are fitted together by least squares, so that offsets of people and items vanish whatever
    the pattern of missing cells. Residuals that are only rounding become exactly 0.
    """
    cells = seen.astype(np.float64)
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1.0)

    def without_person_means(matrix: Array) -> Array:
        return np.where(seen, matrix - (shares * matrix).sum(axis=1, keepdims=True), 0.0)

    filled = [np.where(seen, matrix, 0.0) for matrix in matrices]
    rows = [without_person_means(matrix) for matrix in filled]
    # Normal equations of the item means once the person means are eliminated.
    normal = np.diag(cells.sum(axis=0)) - shares.T @ cells
    item_means = np.linalg.lstsq(normal, np.stack([row.sum(axis=0) for row in rows], axis=1), rcond=None)[0]
    residuals = [row - without_person_means(cells * mean) for row, mean in zip(rows, item_means.T, strict=True)]
    return [_beyond_rounding(residual, matrix) for residual, matrix in zip(residuals, filled, strict=True)]


def trait_profile_r(modelled: Array, own: Array, rng: np.random.Generator, resamples: int = RESAMPLES) -> Metric | None:
    """Correlation over people of modelled with own trait scores [people, traits], averaged over the traits.

    A trait on which either side does not vary counts as 0. A person without a score of a trait (nan on
    either side) is left out of it. None for fewer than three people: two always correlate perfectly.
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
    """The residual [people, columns], exactly 0 in columns where it is no more than rounding of the original."""
    largest = np.abs(residual).max(axis=0, initial=0.0)
    return np.where(largest > 1e-9 * np.abs(original).max(initial=0.0), residual, 0.0)


def _products(left: Array, right: Array) -> Array:
    return np.stack([left * right, left**2, right**2], axis=-1)


def _correlation(centred: Array, raw: Array) -> Array:
    """Correlations from (xy, xx, yy) sums in the last axis, before and after centring; 0 if a side is constant.

    A variance below rounding of the sum it was taken from is none.
    """
    varies = (centred[..., 1:] > _NOTHING * raw[..., 1:]).all(axis=-1)
    spread = np.sqrt(np.where(varies, centred[..., 1] * centred[..., 2], 1.0))
    return np.asarray(np.clip(np.where(varies, centred[..., 0] / spread, 0.0), -1.0, 1.0))
