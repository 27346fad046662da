"""Paired tests, their correction, and what a comparison could have shown."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from steerbench.statistics import (
    holm,
    mean_estimate,
    paired_comparisons,
    sign_flip_test,
    smallest_difference,
    units_needed,
)


def rng(seed=0):
    return np.random.default_rng(seed)


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


def test_a_comparison_says_its_interval_its_units_and_what_it_could_have_shown():
    losses = {"m": rng(1).normal(size=24), "other": rng(2).normal(0.4, 1, size=24)}
    (found,) = paired_comparisons(losses, "m", ["other"], rng())
    differences = losses["m"] - losses["other"]
    interval = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.n == 24
    assert found.smallest == pytest.approx(smallest_difference(float(np.std(differences, ddof=1)), 24))


def test_the_smallest_difference_is_found_by_four_of_five_simulated_runs():
    generator = rng(5)
    for units in (8, 24):
        difference = smallest_difference(1.0, units)
        found = [sign_flip_test(generator.normal(difference, 1.0, size=units), generator) < 0.05 for _ in range(600)]
        # Standard error of a share of 600 at .8: .016. The sign-flip test is as strong as Student's but for its steps.
        assert np.mean(found) == pytest.approx(0.8, abs=0.05)


def test_the_smallest_differences_are_those_of_the_power_of_students_test():
    # Standard deviation .68: the item's median against the trait mean on 300 people.
    found = [smallest_difference(0.68, units) for units in (6, 12, 24, 50, 100, 300)]
    assert found == pytest.approx([0.97, 0.60, 0.41, 0.27, 0.19, 0.11], abs=0.006)


def test_no_difference_can_be_shown_by_fewer_than_six():
    assert smallest_difference(0.68, 5) is None
    assert min(sign_flip_test(np.full(n, 1.0), rng()) for n in range(1, 6)) > 0.05 > sign_flip_test(np.ones(6), rng())


@pytest.mark.parametrize("difference", [0.05, 0.3, 1.0, 5.0])
def test_the_units_needed_are_the_fewest_whose_smallest_difference_is_no_larger(difference):
    units = units_needed(0.68, difference)
    assert smallest_difference(0.68, units) <= difference
    assert units == 6 or smallest_difference(0.68, units - 1) > difference


def test_a_difference_of_nothing_needs_more_units_than_there_are():
    assert units_needed(1.0, 0.0) is None
    assert units_needed(1.0, 1e-6) is None


def test_one_pair_has_a_difference_and_no_interval():
    (found,) = paired_comparisons({"m": np.array([1.0]), "a": np.array([3.0])}, "m", ["a"], rng())
    assert (found.difference, found.low, found.high, found.n, found.smallest) == (-2.0, None, None, 1, None)


def test_the_interval_of_a_mean_is_students():
    assert mean_estimate(np.array([1.0, 2.0, 6.0])).high == pytest.approx(
        stats.t.interval(0.95, 2, loc=3.0, scale=stats.sem([1.0, 2.0, 6.0]))[1]
    )
