"""Cronbach's alpha and split halves: by their textbook formulas, from simulated people, and where nobody differs."""

import math
import statistics

import numpy as np
import pytest

from steerbench.statistics import cronbach_alpha, split_half


def people(rng, count, items, noise, items_alike=False):
    """[people, items]: a person's trait and noise of its own in each item."""
    trait = np.zeros((count, 1)) if items_alike else rng.normal(size=(count, 1))
    return trait + noise * rng.normal(size=(count, items))


def literal_alpha(scale):
    columns = list(zip(*scale, strict=True))
    parts = sum(statistics.variance(column) for column in columns)
    return len(columns) / (len(columns) - 1) * (1 - parts / statistics.variance([sum(row) for row in scale]))


def literal_halves(scale):
    one, two = ([sum(row[start::2]) for row in scale] for start in (0, 1))
    r = statistics.correlation(one, two)
    return 2 * r / (1 + abs(r))


def test_both_are_the_means_over_scales_of_the_textbook_formulas():
    rng = np.random.default_rng(0)
    scales = [people(rng, 15, 6, 1.0), people(rng, 15, 9, 2.0)]
    alpha, halves = (of(scales, np.random.default_rng(0)) for of in (cronbach_alpha, split_half))
    assert alpha.value == pytest.approx(statistics.mean(literal_alpha(scale.tolist()) for scale in scales))
    assert halves.value == pytest.approx(statistics.mean(literal_halves(scale.tolist()) for scale in scales))
    assert alpha.n == halves.n == 15


def test_halves_that_go_against_each_other_stay_above_minus_one():
    rng = np.random.default_rng(0)
    trait = rng.normal(size=(20, 1))
    against = np.hstack([trait, -trait, trait, -trait]) + 0.01 * rng.normal(size=(20, 4))
    found = split_half([against], np.random.default_rng(0))
    assert -1 <= found.low <= found.value <= found.high < -0.9


@pytest.mark.parametrize("of", [cronbach_alpha, split_half])
def test_the_interval_holds_the_truth_where_there_is_a_trait_and_where_there_is_none(of):
    """Of 10 items with a trait and noise of variance 4 each, alpha is 10 / (10 + 4); of noise alone it is 0."""
    rng = np.random.default_rng(1)
    for alike, truth in ((False, 10 / 14), (True, 0.0)):
        found = [of([people(rng, 60, 10, 2.0, alike)], np.random.default_rng(0)) for _ in range(80)]
        assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.88


def test_answers_that_are_the_same_for_everybody_have_none():
    for of in (cronbach_alpha, split_half):
        found = of([np.tile([1.0, 3.0, 5.0, 2.0], (12, 1))], np.random.default_rng(0))
        assert math.isnan(found.value)
        assert "the same for everybody" in found.note


def test_a_scale_of_one_item_is_left_out():
    rng = np.random.default_rng(0)
    long = people(rng, 20, 5, 1.0)
    both = cronbach_alpha([long, people(rng, 20, 1, 1.0)], np.random.default_rng(0))
    assert both.value == pytest.approx(literal_alpha(long.tolist()))
    assert math.isnan(cronbach_alpha([people(rng, 20, 1, 1.0)], np.random.default_rng(0)).value)
