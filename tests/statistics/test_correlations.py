"""Correlations between people, against a literal two-way oracle and simulated samples."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from steerbench.contracts import Metric
from steerbench.statistics import individual_r, percentile_level, resample_counts, trait_profile_r
from steerbench.statistics.correlations import mismatch, two_way_residuals
from steerbench.statistics.crossed import crossed_correlation, crossed_sum

NOTHING = Metric(0.0, n=30, note="no interval: the same in every resample")


def rng(seed=0):
    return np.random.default_rng(seed)


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
        assert individual_r(answer, truth, seen, rng()) == NOTHING


def test_truth_itself_earns_one_and_its_mirror_minus_one():
    _, truth, seen = people_and_items(2, people=30, items=20, missing=0.1)
    assert individual_r(truth, truth, seen, rng()).value == pytest.approx(1.0)
    assert "the same in every resample" in individual_r(truth, truth, seen, rng()).note
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
    assert trait_profile_r(modelled, own, rng()) == Metric(0.0, n=12, note="no interval: the same in every resample")


def test_two_people_have_no_profile_r():
    own = rng(1).normal(size=(2, 5))
    assert trait_profile_r(own, own, rng()) is None


# Matching answers to other people


def test_the_mismatch_p_of_five_people_is_the_share_of_all_120_matchings():
    expected, truth, seen = people_and_items(4, people=5, items=8)
    left, right = two_way_residuals((expected, truth), seen)
    sums = [
        sum(float(left[one] @ right[other]) for one, other in enumerate(order))
        for order in itertools.permutations(range(5))
    ]
    assert mismatch(left, right, rng()) == np.mean([s >= sums[0] - 1e-12 for s in sums])


def test_reading_no_person_is_called_reading_in_one_of_twenty_runs_and_reading_them_in_most():
    null, power = [], []
    for seed in range(200):
        generator = rng(seed)
        truth = generator.normal(size=(6, 60))
        for found, slope in ((null, 0.0), (power, 0.25)):
            expected = slope * truth + generator.normal(size=truth.shape)
            left, right = two_way_residuals((expected, truth), np.ones_like(truth, dtype=bool))
            found.append(mismatch(left, right, generator) < 0.05)
    assert np.mean(null) == pytest.approx(0.05, abs=0.035)
    assert np.mean(power) > 0.9


# People and items


def crossed(seed, people=120, items=24, effect=0.4):
    generator = rng(seed)
    return (
        1.0
        + effect * generator.normal(size=(people, 1))
        + effect * generator.normal(size=(1, items))
        + generator.normal(size=(people, items))
    )


def test_an_interval_over_people_and_items_holds_a_mean_that_one_over_people_misses():
    group = np.repeat(np.arange(2), 12)
    both, people = [], []
    for seed in range(300):
        values = crossed(seed)
        found = crossed_sum(values, group)
        both.append(found.low <= 2.0 <= found.high)
        sums = values[:, group == 0].mean(axis=1) + values[:, group == 1].mean(axis=1)
        low, high = stats.ttest_1samp(sums, 0).confidence_interval(0.95)
        people.append(low <= 2.0 <= high)
    assert np.mean(both) == pytest.approx(0.95, abs=0.03)
    assert np.mean(people) < 0.75


def test_a_correlation_of_people_and_items_resampled_is_that_of_a_loop_over_repeated_cells():
    left, right = people_and_items(3, people=9, items=10)[:2]
    group = np.repeat(np.arange(2), 5)
    low, high = crossed_correlation(left, right, group, rng(7), resamples=40)
    drawn, generator = [], rng(7)
    for _ in range(40):
        items = np.concatenate(
            [g * 5 + np.repeat(np.arange(5), resample_counts(5, generator, 1)[0].astype(int)) for g in (0, 1)]
        )
        people = np.repeat(np.arange(9), resample_counts(9, generator, 1)[0].astype(int))
        cells = [matrix[np.ix_(people, items)] for matrix in (left, right)]
        drawn.append(literal_two_way_r(*cells, np.ones(cells[0].shape, dtype=bool)))
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_from_a_hundred_people_on_individual_r_says_that_it_is_over_items_too():
    truth = rng(1).normal(size=(100, 20))
    expected = 0.5 * truth + rng(2).normal(size=truth.shape)
    group = np.repeat(np.arange(2), 10)
    many = individual_r(expected, truth, np.ones_like(truth, dtype=bool), rng(), group=group)
    few = individual_r(expected[:99], truth[:99], np.ones((99, 20), dtype=bool), rng(), group=group)
    assert (many.note, few.note) == ("over people and items", "")
    assert many.low < many.value < many.high
