"""Intervals, tests and correlations, against slow oracles and simulated samples."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from steerbench.contracts import Metric
from steerbench.statistics import (
    bootstrap_mean,
    cluster_bootstrap,
    holm,
    individual_r,
    paired_comparisons,
    percentile_level,
    resample_counts,
    sign_flip_test,
    trait_profile_r,
    weighted_means,
)


def rng(seed=0):
    return np.random.default_rng(seed)


# Bootstrap


def test_every_resample_draws_as_many_clusters_as_there_are_each_equally_often():
    counts = resample_counts(7, rng(), 20_000)
    assert (counts.sum(axis=1) == 7).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.04)
    # Binomial(7, 1/7), not Poisson or without replacement.
    assert counts.var(axis=0) == pytest.approx(np.full(7, 6 / 7), abs=0.05)


def test_interval_of_a_mean_is_that_of_a_loop_over_the_same_resamples():
    values = rng(1).normal(size=9)
    metric = bootstrap_mean(values, rng(5), resamples=300)
    means = []
    for counts in resample_counts(9, rng(5), 300):
        sample = [value for value, count in zip(values, counts, strict=True) for _ in range(int(count))]
        means.append(sum(sample) / len(sample))
    level = percentile_level(9)
    assert metric.value == pytest.approx(values.mean())
    assert (metric.low, metric.high) == pytest.approx((np.quantile(means, level), np.quantile(means, 1 - level)))
    assert metric.n == 9


@pytest.mark.parametrize(("people", "draw"), [(12, "normal"), (12, "exponential"), (60, "exponential")])
def test_interval_holds_the_true_mean_in_about_95_of_100_samples(people, draw):
    truth = {"normal": 0.0, "exponential": 1.0}[draw]
    generator = rng(3)
    held = 0
    for _ in range(400):
        metric = bootstrap_mean(getattr(generator, draw)(size=people), generator, resamples=1000)
        held += metric.low <= truth <= metric.high
    # Standard error of a share of 400 at .95 is .011; a skewed dozen is the hardest case a mean meets.
    assert 0.90 <= held / 400 <= 0.98
    if draw == "normal":
        assert held / 400 >= 0.93  # the plain percentile interval holds it in 91 of 100


def test_the_interval_is_not_widened_where_clusters_are_many():
    assert percentile_level(100_000) == pytest.approx(0.025, abs=1e-5)
    assert percentile_level(10) == pytest.approx(stats.norm.cdf(math.sqrt(10 / 9) * stats.t.ppf(0.025, 9)))


def test_one_cluster_has_a_value_and_no_interval():
    assert bootstrap_mean(np.array([2.5]), rng()) == Metric(2.5, None, None, 1)


def test_clusters_without_a_value_are_left_out():
    assert bootstrap_mean(np.array([1.0, np.nan, 3.0]), rng()).value == 2.0
    assert bootstrap_mean(np.array([1.0, np.nan, 3.0]), rng()).n == 2
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_mean(np.array([np.nan]), rng())


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values = rng(1).normal(size=30)
    assert bootstrap_mean(values, rng(4)) == bootstrap_mean(values, rng(4))
    assert bootstrap_mean(values, rng(4)).low != bootstrap_mean(values, rng(5)).low


def test_resamples_in_which_a_statistic_is_undefined_are_left_out_of_its_interval():
    values = np.array([[1.0], [np.nan], [np.nan], [3.0]])
    metric = cluster_bootstrap(lambda counts: weighted_means(counts, values)[:, 0], 4, rng())
    assert (metric.low, metric.value, metric.high) == (1.0, 2.0, 3.0)


# Tests of differences


def test_sign_flip_p_of_five_differences_is_the_share_of_all_32_signs_as_extreme():
    differences = np.array([0.3, -0.1, 0.8, 0.4, 0.25])
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=5)
    ]
    assert sign_flip_test(differences, rng()) == sum(s >= sums[0] - 1e-12 for s in sums) / 32
    assert sign_flip_test(np.full(5, 0.1), rng()) == 2 / 32


def test_ties_by_rounding_count_as_as_extreme():
    # 0.1 + 0.2 - 0.3 is not 0 in floating point, yet all eight patterns are at least as extreme as it.
    assert sign_flip_test(np.array([0.1, 0.2, -0.3]), rng()) == 1.0


def test_zero_differences_carry_no_evidence():
    assert sign_flip_test(np.zeros(40), rng()) == 1.0
    assert sign_flip_test(np.array([]), rng()) == 1.0
    few = np.array([0.3, 0.1, 0.8])
    assert sign_flip_test(np.concatenate([few, np.zeros(50)]), rng()) == sign_flip_test(few, rng()) == 2 / 8


def test_sign_flip_agrees_with_scipy_on_a_larger_sample():
    differences = rng(2).normal(0.25, 1.0, size=40)
    reference = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=20_000, vectorized=True, rng=rng(9)
    )
    assert sign_flip_test(differences, rng()) == pytest.approx(reference.pvalue, abs=0.012)
    assert 0.02 < reference.pvalue < 0.5


@pytest.mark.parametrize("size", [12, 40])
def test_sign_flip_p_is_uniform_when_there_is_no_difference(size):
    generator = rng(8)
    p = [sign_flip_test(generator.standard_t(3, size=size), generator) for _ in range(200)]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.035)


def test_sign_flip_p_is_never_zero():
    assert sign_flip_test(np.full(300, 2.0), rng()) == 1 / 20_001


def test_holm_gives_the_textbook_values_in_the_order_asked():
    # Ordered .005 .01 .03 .04 times 4 3 2 1 is .02 .03 .06 .04; the last may not fall below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_comparisons_are_paired_signed_and_adjusted_together():
    person = rng(1).normal(4, 2, size=50)  # between-person spread that pairing must take out
    losses = {"m": person, "worse": person + 0.3 + 0.1 * rng(2).normal(size=50), "same": person.copy()}
    worse, same = paired_comparisons(losses, "m", ["worse", "same"], rng())
    assert worse.difference == pytest.approx((losses["m"] - losses["worse"]).mean())
    assert worse.difference < -0.2
    assert worse.p == 1 / 20_001
    assert worse.p_holm == 2 * worse.p
    assert (same.against, same.difference, same.p, same.p_holm) == ("same", 0.0, 1.0, 1.0)


def test_a_cluster_without_one_of_the_losses_is_left_out_of_that_pair_only():
    nan = np.nan
    losses = {"m": np.array([1.0, 2.0, nan]), "a": np.array([2.0, nan, 3.0]), "b": np.full(3, nan)}
    a, b = paired_comparisons(losses, "m", ["a", "b"], rng())
    assert a.difference == -1.0
    assert math.isnan(b.difference)
    assert b.p == 1.0


# Individual r


def literal_two_way_r(expected, truth, seen):
    """Loops: take out person and item means in turn until nothing changes, then Pearson over the cells."""
    residuals = []
    for matrix in (expected, truth):
        m = np.where(seen, matrix, np.nan).astype(float)
        for _ in range(25):
            for i in range(m.shape[0]):
                if seen[i].any():
                    m[i] -= np.nanmean(m[i])
            for j in range(m.shape[1]):
                if seen[:, j].any():
                    m[:, j] -= np.nanmean(m[:, j])
        residuals.append(m[seen])
    x, y = residuals
    if (x**2).sum() < 1e-18 or (y**2).sum() < 1e-18:
        return 0.0
    return float((x * y).sum() / math.sqrt((x**2).sum() * (y**2).sum()))


def people_and_items(seed, people=8, items=6, missing=0.0):
    generator = rng(seed)
    truth = generator.integers(1, 6, size=(people, items)).astype(float)
    expected = 0.4 * truth + generator.normal(size=truth.shape) + generator.normal(size=items)
    seen = generator.random(truth.shape) >= missing
    return expected, truth, seen


@pytest.mark.parametrize(("missing", "tolerance"), [(0.0, 1e-9), (0.05, 0.01)])
def test_individual_r_is_the_literal_two_way_correlation_in_the_sample_and_in_every_resample(missing, tolerance):
    expected, truth, seen = people_and_items(4, people=20, items=12, missing=missing)
    metric = individual_r(expected, truth, seen, rng(6), resamples=60)
    assert metric.value == pytest.approx(literal_two_way_r(expected, truth, seen), abs=1e-9)
    drawn = []
    for counts in resample_counts(20, rng(6), 60):
        rows = np.repeat(np.arange(20), counts.astype(int))
        drawn.append(literal_two_way_r(expected[rows], truth[rows], seen[rows]))
    level = percentile_level(20)
    assert metric.low == pytest.approx(np.quantile(drawn, level), abs=tolerance)
    assert metric.high == pytest.approx(np.quantile(drawn, 1 - level), abs=tolerance)
    assert metric.low < metric.value < metric.high


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_what_is_not_individual_earns_exactly_zero(missing):
    _, truth, seen = people_and_items(1, people=30, items=20, missing=missing)
    constant = np.full(truth.shape, 3.1)
    population = np.tile(truth.mean(axis=0), (30, 1))
    persons_own_level = np.tile(truth.mean(axis=1)[:, None], (1, 20))
    for answer in (constant, population, persons_own_level, population + persons_own_level):
        assert individual_r(answer, truth, seen, rng()) == Metric(0.0, 0.0, 0.0, 30)


def test_truth_itself_earns_one_and_its_mirror_minus_one():
    _, truth, seen = people_and_items(2, people=30, items=20, missing=0.1)
    assert individual_r(truth, truth, seen, rng()).value == pytest.approx(1.0)
    assert individual_r(truth, truth, seen, rng()).low == pytest.approx(1.0)
    assert individual_r(6 - truth, truth, seen, rng()).value == pytest.approx(-1.0)


def test_the_mean_of_the_other_people_earns_minus_one():
    _, truth, seen = people_and_items(2, people=30, items=20)
    others = (truth.sum(axis=0) - truth) / 29
    assert individual_r(others, truth, seen, rng()).value == pytest.approx(-1.0)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    missing=st.sampled_from([0.0, 0.2]),
    scale=st.floats(0.1, 10.0),
    shift=st.floats(0.1, 20.0),
)
def test_offsets_of_people_and_items_do_not_change_individual_r(seed, missing, scale, shift):
    expected, truth, seen = people_and_items(seed, missing=missing)
    offset = shift * (rng(seed + 1).normal(size=(8, 1)) + rng(seed + 2).normal(size=(1, 6)))
    plain = individual_r(expected, truth, seen, rng(), resamples=50)
    moved = individual_r(scale * expected + offset, truth, seen, rng(), resamples=50)
    for name in ("value", "low", "high"):
        assert getattr(moved, name) == pytest.approx(getattr(plain, name), abs=1e-7)


def test_cells_that_are_not_seen_do_not_matter():
    expected, truth, seen = people_and_items(3, missing=0.2)
    garbage = np.where(seen, expected, np.nan)
    other = np.where(seen, truth, 1e6)
    assert individual_r(garbage, other, seen, rng()) == individual_r(expected, truth, seen, rng())


def test_a_single_person_has_no_individual_r():
    expected, truth, seen = people_and_items(3, people=1)
    assert individual_r(expected, truth, seen, rng()) is None
    expected, truth, seen = people_and_items(3, people=5)
    seen[1:] = False
    assert individual_r(expected, truth, seen, rng()) is None


# Profile r


def literal_profile_r(modelled, own):
    per_trait = []
    for x, y in zip(modelled.T, own.T, strict=True):
        known = ~(np.isnan(x) | np.isnan(y))
        varies = np.ptp(x[known]) > 1e-9 and np.ptp(y[known]) > 1e-9
        per_trait.append(stats.pearsonr(x[known], y[known])[0] if varies else 0.0)
    return np.mean(per_trait)


def test_profile_r_averages_the_traits_correlations_in_the_sample_and_in_every_resample():
    generator = rng(7)
    own = generator.normal(3, 1, size=(25, 5))
    modelled = own * np.array([1, 0.5, 0, -1, 2]) + generator.normal(size=own.shape)
    modelled[:, 2] = 2.3  # a constant trait counts as 0
    modelled[4, 0] = np.nan
    metric = trait_profile_r(modelled, own, rng(3), resamples=80)
    assert metric.value == pytest.approx(literal_profile_r(modelled, own))
    drawn = []
    for counts in resample_counts(25, rng(3), 80):
        rows = np.repeat(np.arange(25), counts.astype(int))
        drawn.append(literal_profile_r(modelled[rows], own[rows]))
    level = percentile_level(25)
    assert metric.low == pytest.approx(np.quantile(drawn, level))
    assert metric.high == pytest.approx(np.quantile(drawn, 1 - level))


def test_profile_r_of_a_constant_is_zero_even_when_rounding_differs_from_person_to_person():
    own = rng(1).normal(3, 1, size=(12, 5))
    modelled = np.array([[np.mean([2.3] * n)] * 5 for n in range(30, 42)])
    assert np.ptp(modelled) > 0
    assert trait_profile_r(modelled, own, rng()) == Metric(0.0, 0.0, 0.0, 12)


def test_two_people_have_no_profile_r():
    own = rng(1).normal(size=(2, 5))
    assert trait_profile_r(own, own, rng()) is None


def test_a_centred_interval_is_as_wide_and_lies_about_the_estimate():
    columns = np.random.default_rng(3).normal(size=(12, 20))

    def mean_absolute(counts):
        return np.abs(weighted_means(counts, columns)).mean(axis=1)

    plain, centred = (
        cluster_bootstrap(mean_absolute, 12, np.random.default_rng(0), centred=centred) for centred in (False, True)
    )
    assert plain.low > plain.value, "what the option is for"
    assert centred.low < centred.value == plain.value < centred.high
    assert centred.high - centred.low == pytest.approx(plain.high - plain.low)
