"""Known worlds through `conclude`: equal prices are rarely called different, unequal ones are."""

from dataclasses import replace

import pytest

from steerbench.studies.tradeoff import matching, reach
from tests.tradeoff.simulations import SETTINGS, dead_methods_with_an_effect, prices_called_different, shrinkages


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(matching, "RESAMPLES", 1000)
    monkeypatch.setattr(reach, "DRAWS", 1000)


def test_equal_prices_are_called_different_no_more_often_than_promised():
    found = prices_called_different(SETTINGS["30 / 60 / 100"], 30, seed=7)
    assert found.matched == 30
    assert found.now <= 0.1
    assert found.before >= 0.8, "taking the chosen strengths as known would have been wrong nearly always"
    assert found.apart > 0.5


def test_a_price_twice_as_high_is_found():
    assert prices_called_different(replace(SETTINGS["30 / 60 / 100"], dearer=2.0), 12, seed=7).now >= 0.85


def test_the_effects_own_cost_twice_as_high_is_found_and_an_equal_one_is_not():
    world = SETTINGS["30 / 60, fluency"]
    assert prices_called_different(world, 10, seed=7).now <= 0.1
    assert prices_called_different(replace(world, dearer=2.0), 10, seed=7).now >= 0.7


def test_a_dead_method_is_given_an_effect_no_more_often_than_a_single_dose_would_be():
    before, now = dead_methods_with_an_effect(12, 150, seed=7)
    assert now <= 0.04
    assert before >= 0.06


def test_the_shrinkage_tells_more_than_half_of_what_the_best_of_equal_doses_has_too_much():
    """The bootstrap takes the doses' observed differences for real, so that it says too little rather than too much."""
    true, said = shrinkages(12, 0.0, 100, seed=7)
    assert true / 2 < said < 1.1 * true
