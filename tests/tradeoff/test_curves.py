"""Dose and response: areas, monotonicity, matched strengths and fronts, against slow oracles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from steerbench.contracts import Metric
from steerbench.statistics import percentile_level
from steerbench.studies.tradeoff.curves import area, common_effect, front, monotonicity, strength_for

POINTS = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), max_size=12)


def test_the_area_is_the_mean_height_of_the_polyline_from_the_unsteered_model_on():
    effects = np.array([[1.0, 3.0], [2.0, 2.0]])
    found = area([0.25, 1.0], effects)
    # By hand: the mean curve is 0, 2, 2 at 0, .25, 1: .25 * 1 + .75 * 2.
    assert found.value == pytest.approx(1.75)
    drawn = np.linspace(0, 1, 100_001)
    heights = np.interp(drawn, [0, 0.25, 1], np.concatenate([[0], effects.mean(axis=1)]))
    assert found.value == pytest.approx(heights.mean(), abs=1e-4)
    assert found.n == 2


def test_the_area_is_of_the_part_of_the_dial_that_was_measured():
    assert area([0.25, 0.5], np.array([[1.0], [1.0]])).value == pytest.approx(0.75)


def test_monotonicity_is_spearmans_correlation_with_the_unsteered_model_as_first_dose():
    effects = np.random.default_rng(1).normal(size=(6, 9))
    found = monotonicity(effects, seed=0)
    assert found.value == pytest.approx(spearmanr(range(7), [0, *effects.mean(axis=1)])[0])


def test_monotonicity_resamples_items():
    effects = np.random.default_rng(2).normal(size=(5, 30)) + np.arange(5)[:, None] / 2
    found, rng = monotonicity(effects, seed=3), np.random.default_rng(7)
    drawn = [spearmanr(range(6), [0, *effects[:, rng.integers(30, size=30)].mean(axis=1)])[0] for _ in range(2000)]
    assert found.low == pytest.approx(np.quantile(drawn, percentile_level(30)), abs=0.09)
    assert found.low < found.value <= found.high


@pytest.mark.parametrize(("effects", "expected"), [([1, 2, 3], 1.0), ([-1, -2, -3], -1.0), ([0, 0, 0], 0.0)])
def test_monotonicity_of_what_only_rises_only_falls_or_does_nothing(effects, expected):
    assert monotonicity(np.array(effects, dtype=float)[:, None].repeat(4, axis=1), seed=0).value == pytest.approx(
        expected
    )


@pytest.mark.parametrize(
    ("wanted", "strength"),
    [(0.5, 1.0), (1.0, 2.0), (1.5, 3.0), (2.0, 4.0), (2.1, None), (0.25, 0.5)],
)
def test_a_strength_is_read_off_the_line_between_two_doses(wanted, strength):
    assert strength_for(wanted, [2.0, 4.0], [1.0, 2.0]) == strength


def test_of_several_strengths_with_the_effect_the_weakest_is_taken():
    assert strength_for(1.0, [1, 2, 3, 4], [2.0, 0.0, 2.0, 1.0]) == 0.5


def test_a_curve_that_falls_first_is_followed_from_where_it_fell_to():
    assert strength_for(1.0, [1, 2], [-1.0, 1.0]) == 2.0
    assert strength_for(0.5, [1, 2], [-1.0, 1.0]) == 1.75


def test_the_common_effect_is_the_least_of_the_largest_without_those_that_have_none():
    surely, none = Metric(2.0, 1.5, 2.5, 6), Metric(0.3, -0.1, 0.7, 6)
    assert common_effect([surely, Metric(1.2, 0.2, 2.2, 6), none]) == 1.2
    assert common_effect([none]) is None


def test_a_method_that_moves_every_question_alike_has_an_effect_from_six_questions_on():
    assert common_effect([Metric(0.5, n=6), Metric(0.3, n=5), Metric(-0.5, n=6)]) == 0.5


@given(POINTS)
def test_a_point_is_on_the_front_unless_another_has_as_much_for_less_or_more_for_as_little(points):
    kept = front(points)
    for place, (effect, price) in enumerate(points):
        beaten = any(
            (e >= effect and p <= price) and ((e, p) != (effect, price) or other < place)
            for other, (e, p) in enumerate(points)
            if other != place
        )
        assert (place in kept) == (not beaten)
    assert [points[place] for place in kept] == sorted(points[place] for place in kept)
