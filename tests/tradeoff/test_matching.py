"""The two-stage bootstrap against a slow oracle that goes through the same draws one by one."""

import numpy as np
import pytest
from scipy import stats

from steerbench.statistics import percentile_level, resample_counts
from steerbench.studies.tradeoff import matching, reach
from steerbench.studies.tradeoff.comparisons import ASKED, CALIBRATED
from steerbench.studies.tradeoff.evidence import CALIBRATION, TEST, Dose
from steerbench.studies.tradeoff.matching import along, read_off, rematched
from tests.tradeoff.simulations import COST, STRENGTHS, World

MANY = 1000


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(matching, "RESAMPLES", MANY)
    monkeypatch.setattr(reach, "DRAWS", MANY)


def slow_strength(wanted, strengths, effects):
    """Walks along the polyline from nothing; the place of the peak if it never gets there."""
    below, at = 0.0, 0.0
    for strength, effect in zip(strengths, effects, strict=True):
        if effect >= wanted - 1e-10:
            return below + (wanted - at) / (effect - at) * (strength - below)
        below, at = strength, effect
    return strengths[int(np.argmax(effects))]


def slow_price(strength, knots, heights):
    return float(np.interp(strength, [0.0, *knots], [0.0, *heights]))


def test_strengths_of_many_curves_are_read_off_as_one_by_one():
    rng = np.random.default_rng(3)
    effects, wanted = rng.normal(0.5, 1, size=(300, 4)), rng.uniform(0.05, 2, size=300)
    found = read_off(wanted, [1.0, 2.0, 4.0, 8.0], effects)
    expected = [slow_strength(w, [1.0, 2.0, 4.0, 8.0], curve) for w, curve in zip(wanted, effects, strict=True)]
    np.testing.assert_allclose(found.strengths, expected, atol=1e-7)
    assert found.reached.tolist() == [bool(curve.max() >= w) for w, curve in zip(wanted, effects, strict=True)]
    assert 0 < found.reached.mean() < 1


def test_a_curve_is_a_straight_line_between_its_knots_from_nothing_on():
    strengths = np.array([0.0, 0.5, 1.0, 2.5, 4.0])
    np.testing.assert_allclose(along(strengths, [1.0, 4.0], np.full((5, 2), [2.0, 5.0])), [0.0, 1.0, 2.0, 3.5, 5.0])


def test_at_a_methods_own_effect_it_stands_at_its_peak_and_the_others_follow_it():
    effects = {"prompt": np.array([[1.0], [2.0]]), "dial": np.array([[1.0, 2.0], [1.0, 2.0]])}
    found = rematched("prompt", {"prompt": [1.0], "dial": [5.0, 10.0]}, effects)
    assert found["prompt"].strengths.tolist() == [1.0, 1.0]
    assert found["dial"].strengths.tolist() == [5.0, 10.0]
    held = rematched(1.0, {"prompt": [1.0], "dial": [5.0, 10.0]}, effects)
    assert held["dial"].strengths.tolist() == [5.0, 5.0]


def drawn(units, stream):
    """By resample, the places that are drawn, with repeats."""
    counts = resample_counts(units, np.random.default_rng([0, stream]), MANY)
    return [np.repeat(np.arange(units), row.astype(int)) for row in counts]


@pytest.mark.parametrize("side_cost", [False, True])
def test_the_difference_of_two_prices_is_the_one_of_a_slow_two_stage_bootstrap(side_cost):
    world = World(14, 11, 9, slope=0.25, side_cost=side_cost)
    result, evidence = world.concluded(np.random.default_rng(2))
    price, source = result.differences[1], TEST if side_cost else COST
    chosen = {m: result.curves[m].measured.strength for m in "AB"}
    measured = {m: evidence.prices(source, Dose(m, chosen[m])) for m in "AB"}
    assert price.difference.value == pytest.approx((measured["A"] - measured["B"]).mean())
    differences, missed = [], []
    for questions, items in zip(drawn(14, CALIBRATED), drawn(len(measured["A"]), ASKED), strict=True):
        lost = {}
        for m in "AB":
            effects = [evidence.effects(CALIBRATION, Dose(m, s))[questions].mean() for s in STRENGTHS]
            strength = slow_strength(result.wanted, STRENGTHS, effects)
            missed += [max(effects) < result.wanted - 1e-9] if m == "A" else []
            if side_cost:
                curve = [evidence.prices(CALIBRATION, Dose(m, s))[questions].mean() for s in STRENGTHS]
                moved = slow_price(strength, STRENGTHS, curve) - slow_price(chosen[m], STRENGTHS, curve)
                lost[m] = measured[m][items].mean() + moved
            else:
                knots = sorted({*STRENGTHS, chosen[m]})
                heights = [evidence.prices(COST, Dose(m, s))[items].mean() for s in knots]
                lost[m] = slow_price(strength, knots, heights)
        differences.append(lost["A"] - lost["B"])
    units = min(14, len(measured["A"]))
    level = percentile_level(units)
    assert (price.difference.low, price.difference.high) == pytest.approx(
        tuple(np.quantile(differences, [level, 1 - level])), abs=1e-7
    )
    tail = (min(np.sum(np.array(differences) <= 0), np.sum(np.array(differences) >= 0)) + 1) / (MANY + 1)
    expanded = stats.t.cdf(stats.norm.ppf(tail) * np.sqrt((units - 1) / units), units - 1)
    assert price.p == pytest.approx(2 * expanded)
    assert result.curves["A"].unreached == pytest.approx(np.mean(missed))
    assert price.over["calibration questions"] == 14


@pytest.mark.parametrize("shift", np.linspace(-3, 3, 13))
def test_p_is_below_a_twentieth_just_where_the_interval_leaves_0_out(shift):
    found = matching.tested(shift, np.random.default_rng(1).normal(shift, 1, size=4000), units=10, n=10)
    assert (found.p < 0.05) == (found.metric.low > 0 or found.metric.high < 0)


def test_resamples_that_do_not_vary_are_no_interval_and_no_test():
    found = matching.tested(0.0, np.zeros(100), units=10, n=10)
    assert (found.metric.low, found.p, found.why) == (None, None, "every resample gives the same")


@pytest.mark.parametrize(
    ("world", "why"),
    [
        (World(5, 10, 10, slope=0.3, wanted=1.0), "5 calibration questions, and resampling needs 6"),
        (World(10, 10, 4, slope=0.3, wanted=1.0), "4 items of task, and resampling needs 6"),
        (World(10, 3, 0, slope=0.3, wanted=1.0, side_cost=True), "3 test questions, and resampling needs 6"),
    ],
)
def test_of_few_units_there_is_no_interval_and_it_is_said_why(world, why):
    result, _ = world.concluded(np.random.default_rng(5))
    price = result.differences[1]
    assert (price.why, price.p, price.p_holm, price.difference.low) == (why, None, None, None)
    assert price.difference.value is not None
