"""Intervals: against the textbook, a slow oracle, and how often they hold a truth that was simulated."""

import math

import numpy as np
import pytest
from scipy import stats

from steerbench.contracts import Metric
from steerbench.statistics import (
    change_of_share,
    cluster_bootstrap,
    debiased_size,
    mean_estimate,
    percentile_level,
    resample_counts,
    share_estimate,
    sum_of_means,
    variance_estimate,
    weighted_means,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def held(estimate, draw, truth, samples, seed=3):
    """Share of samples whose interval holds the truth; an estimate without an interval holds nothing."""
    generator = rng(seed)
    found = (estimate(draw(generator)) for _ in range(samples))
    return np.mean([one.low is not None and one.low <= truth <= one.high for one in found])


# Means


@pytest.mark.parametrize("units", [2, 4, 6, 12])
def test_the_interval_of_a_mean_of_few_holds_it_in_95_of_100_samples(units):
    # The bootstrap held .48 of the means of two, .88 of those of four.
    share = held(mean_estimate, lambda draw: draw.normal(2.0, 3.0, size=units), 2.0, 1000)
    assert share == pytest.approx(0.95, abs=0.02)


def test_units_without_a_value_are_left_out():
    assert mean_estimate(np.array([1.0, np.nan, 3.0])).value == 2.0
    assert mean_estimate(np.array([1.0, np.nan, 3.0])).n == 2
    with pytest.raises(ValueError, match="at least one"):
        mean_estimate(np.array([np.nan]))


def test_a_mean_of_one_or_of_equal_values_says_why_it_has_no_interval():
    assert mean_estimate(np.array([2.5])) == Metric(2.5, None, None, 1, "no interval from one")
    same = mean_estimate(np.full(8, 0.1))
    assert (same.low, same.high, same.note) == (None, None, "no interval: all values are the same")


def test_a_sum_of_means_of_whole_units_is_the_mean_of_their_sums():
    parts = rng(1).normal(size=(9, 3))
    weights = [1.0, 2.0, -0.5]
    found, plain = sum_of_means(parts, weights), mean_estimate(parts @ weights)
    assert (found.value, found.low, found.high) == pytest.approx((plain.value, plain.low, plain.high))


def test_a_sum_of_means_of_different_units_adds_their_variances():
    parts = np.full((8, 2), np.nan)
    parts[:4, 0], parts[4:, 1] = [1.0, 2.0, 4.0, 5.0], [3.0, 3.5, 6.0, 1.5]
    found = sum_of_means(parts, [1.0, 1.0])
    # Two groups of equal size: the pooled two-sample interval of a sum.
    error = math.sqrt((np.var(parts[:4, 0], ddof=1) + np.var(parts[4:, 1], ddof=1)) / 4)
    assert found.value == pytest.approx(3.0 + 3.5)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 6) * error)


def test_a_sum_of_means_over_five_traits_of_two_questions_covers():
    def draw(generator):
        parts = np.full((10, 5), np.nan)
        for trait in range(5):
            parts[2 * trait : 2 * trait + 2, trait] = generator.normal(trait, 1 + 0.3 * trait, size=2)
        return parts

    assert held(lambda parts: sum_of_means(parts, np.full(5, 0.2)), draw, 2.0, 1000) == pytest.approx(0.95, abs=0.025)


def test_a_part_that_no_unit_has_makes_the_sum_undefined():
    parts = np.array([[1.0, np.nan], [2.0, np.nan]])
    assert math.isnan(sum_of_means(parts, [1.0, 1.0]).value)
    parts[0, 1] = 4.0
    assert sum_of_means(parts, [1.0, 1.0]) == Metric(5.5, None, None, 2, "no interval from one")


# Shares


def test_nothing_of_twelve_is_not_certainly_nothing():
    found = share_estimate(np.zeros(12))
    interval = stats.binomtest(0, 12).proportion_ci(method="wilson")
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(interval.high) == pytest.approx(0.2425, abs=1e-3)


def test_the_interval_of_a_share_of_yes_and_no_is_wilsons():
    found = share_estimate(np.array([1.0] * 7 + [0.0] * 23))
    interval = stats.binomtest(7, 30).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("truth", [0.02, 0.1, 0.5])
def test_shares_of_people_who_differ_cover(truth):
    def draw(generator):
        own = generator.beta(2, 2 / truth - 2, size=12)
        return generator.binomial(180, own) / 180

    assert held(share_estimate, draw, truth, 500) >= 0.92


def test_a_share_of_unequal_parts_is_of_their_sums():
    found = share_estimate(np.array([1.0, 3.0, 0.0, 2.0]), np.array([2.0, 3.0, 1.0, 4.0]))
    assert found.value == 0.6
    assert 0 < found.low < 0.6 < found.high < 1


def test_thirty_problems_without_a_change_do_not_show_that_there_is_none():
    found = change_of_share(np.zeros(30))
    high = stats.binomtest(0, 30).proportion_ci(method="wilson").high
    assert (found.value, found.low, found.high) == pytest.approx((0.0, -high, high))


@pytest.mark.parametrize(("gained", "lost"), [(0.02, 0.02), (0.05, 0.2)])
def test_the_change_of_a_share_covers(gained, lost):
    def draw(generator):
        u = generator.random(30)
        return (u < gained).astype(float) - ((u >= gained) & (u < gained + lost))

    assert held(change_of_share, draw, gained - lost, 600) >= 0.93


# Bootstrap


def test_every_resample_draws_as_many_clusters_as_there_are_each_equally_often():
    counts = resample_counts(7, rng(), 20_000)
    assert (counts.sum(axis=1) == 7).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.04)
    # Binomial(7, 1/7), not Poisson or without replacement.
    assert counts.var(axis=0) == pytest.approx(np.full(7, 6 / 7), abs=0.05)


def test_a_bootstrap_interval_is_that_of_a_loop_over_the_same_resamples():
    values = rng(1).normal(size=(9, 1))
    metric = cluster_bootstrap(lambda counts: weighted_means(counts, values)[:, 0], 9, rng(5), resamples=300)
    means = []
    for counts in resample_counts(9, rng(5), 300):
        sample = [value for value, count in zip(values[:, 0], counts, strict=True) for _ in range(int(count))]
        means.append(sum(sample) / len(sample))
    level = percentile_level(9)
    assert metric.value == pytest.approx(values.mean())
    assert (metric.low, metric.high) == pytest.approx((np.quantile(means, level), np.quantile(means, 1 - level)))
    assert metric.n == 9


def test_the_interval_is_not_widened_where_clusters_are_many():
    assert percentile_level(100_000) == pytest.approx(0.025, abs=1e-5)
    assert percentile_level(10) == pytest.approx(stats.norm.cdf(math.sqrt(10 / 9) * stats.t.ppf(0.025, 9)))


def test_a_bootstrap_that_degenerates_says_so():
    values = np.arange(8.0)[:, None]

    def mean(counts):
        return weighted_means(counts, values)[:, 0]

    assert "fewer than 6" in cluster_bootstrap(lambda counts: counts @ np.ones(5), 5, rng()).note
    assert "the same in every resample" in cluster_bootstrap(lambda counts: 0 * mean(counts), 8, rng()).note

    def undefined(counts):
        return np.where(counts[:, 0] > 0, mean(counts), np.nan)

    found = cluster_bootstrap(undefined, 8, rng())
    assert found.low is None
    assert "undefined in" in found.note
    seldom = cluster_bootstrap(lambda counts: np.where(counts[:, 0] < 4, mean(counts), np.nan), 8, rng())
    assert seldom.low is not None


# Sizes and variances


@pytest.mark.parametrize(("truth", "units"), [(0.0, 12), (0.0, 60), (0.2, 60), (0.5, 12)])
def test_a_size_of_nothing_is_seen_as_nothing_and_one_of_something_is_held(truth, units):
    generator = rng(7)
    signs = np.where(np.arange(20) % 2, 1.0, -1.0)
    values, holds, biased = [], [], []
    for _ in range(150):
        columns = truth * signs + 0.5 * generator.normal(size=(units, 1)) + generator.normal(size=(units, 20))
        found = debiased_size(columns, generator, resamples=400)
        values.append(found.value)
        holds.append(found.low <= truth <= found.high)
        biased.append(np.abs(columns.mean(axis=0)).mean())
    assert np.mean(holds) >= 0.92
    if truth == 0:
        assert np.mean(values) < np.mean(biased) / 2.5, "the mean absolute value shows its own noise"
        assert np.median(values) < 0.1
    else:
        assert np.mean(values) == pytest.approx(truth, abs=0.03)


def test_a_size_is_the_literal_root_of_the_mean_square_less_its_error():
    columns = rng(2).normal(0.6, 1.0, size=(10, 4))
    columns[3, 1] = columns[5, 1] = np.nan
    cells = []
    for column in columns.T:
        known = column[~np.isnan(column)]
        cells.append(known.mean() ** 2 - known.var(ddof=1) / known.size)
    assert debiased_size(columns, rng()).value == pytest.approx(math.sqrt(max(np.mean(cells), 0)))


@pytest.mark.parametrize("questions", [4, 12])
def test_a_variance_of_ratings_is_unbiased_and_covered(questions):
    generator = rng(4)
    ratings = np.round(np.clip(generator.normal(3.2, 1.1, size=100_000), 1, 5))
    truth, holds, values = 2 * ratings.var(), [], []
    for _ in range(250):
        parts = np.full((5 * questions, 10), np.nan)
        for trait in range(5):
            rows = slice(trait * questions, (trait + 1) * questions)
            parts[rows, 2 * trait : 2 * trait + 2] = generator.choice(ratings, size=(questions, 2))
        found = variance_estimate(parts, np.full(10, 0.2))
        holds.append(found.low <= truth <= found.high)
        values.append(found.value)
    assert np.mean(values) == pytest.approx(truth, rel=0.03), "ddof 0 would be a quarter too small at four questions"
    assert np.mean(holds) >= 0.93


def test_a_variance_is_that_of_the_textbook_and_its_interval_the_literal_jackknife():
    values = np.array([1.0, 4.0, 2.0, 5.0, 3.5, 2.5, 4.5])
    found = variance_estimate(values[:, None], [1.0])
    without = [math.log(np.var(np.delete(values, place), ddof=1)) for place in range(7)]
    error = math.sqrt(6 / 7 * sum((one - np.mean(without)) ** 2 for one in without))
    assert found.value == pytest.approx(np.var(values, ddof=1))
    assert found.high == pytest.approx(found.value * math.exp(stats.t.ppf(0.975, 6) * error))


def test_ratings_that_do_not_vary_have_a_variance_of_nothing_and_no_interval():
    found = variance_estimate(np.full((9, 1), 1.3), [2.0])
    assert (found.value, found.low) == (0.0, None)
    assert "the same" in found.note
