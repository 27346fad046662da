"""Calibration: what is tried, what it costs, what is chosen."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from steerbench.contracts.setting import Setting
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.errors import UserError
from steerbench.running.calibration import (
    GOLDEN,
    StrengthSearch,
    golden_section,
    grid,
    published_grid,
    spaced,
    wordings,
)


def run(trials, loss):
    search = StrengthSearch(["t"], lambda _: trials)
    tried = []
    while not search.finished:
        setting = search.propose()["t"]
        tried.append(setting)
        search.observe({"t": loss(setting)})
    return tried, search


def literal_golden(f, low, high, points):
    """Golden section as the textbook says it: re-evaluates everything, keeps no state but the interval."""
    seen = []

    def probe(x):
        if not any(math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-9) for y in seen):
            seen.append(x)
        return f(x)

    while len(seen) < points:
        a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if probe(a) <= probe(b):
            high = b
        else:
            low = a
    return seen[:points]


@pytest.mark.parametrize("lowest", [0.7, 3.0, 5.2, 7.9])
@pytest.mark.parametrize("budget", [3, 4, 8, 13])
def test_golden_section_probes_what_the_textbook_probes(lowest, budget):
    def f(x):
        return (x - lowest) ** 2 + 0.1 * x

    tried, _ = run(golden_section(0, 8, budget), lambda setting: f(setting.strength))
    assert [s.strength for s in tried] == pytest.approx([0.0, *literal_golden(f, 0, 8, budget - 1)], abs=1e-9)


@given(st.floats(0.5, 7.5), st.floats(0.2, 3))
def test_golden_section_finds_the_minimum_of_a_smooth_loss_as_scipy_does(lowest, width):
    def f(x):
        return -math.exp(-(((x - lowest) / (width + 2)) ** 2))

    _, search = run(golden_section(0, 8, 20), lambda setting: f(setting.strength))
    reference = minimize_scalar(f, bounds=(0, 8), method="bounded").x
    # 19 points leave an interval of 8 * 0.618 ** 18 = 0.0014.
    assert search.best()["t"].strength == pytest.approx(reference, abs=2e-3)


@given(st.integers(2, 15))
def test_golden_section_spends_its_budget_and_begins_with_not_steering(budget):
    tried, _ = run(golden_section(1, 6, budget), lambda setting: abs(setting.strength - 2))
    assert len(tried) == budget
    assert tried[0] == Setting(0.0)
    assert all(1 <= s.strength <= 6 for s in tried[1:])


def test_a_method_that_only_harms_is_not_used():
    _, search = run(golden_section(0, 8, 8), lambda setting: 1 + setting.strength)
    assert search.best()["t"] == Setting(0.0)


@pytest.mark.parametrize("unread", [None, math.nan, math.inf])
def test_a_loss_that_could_not_be_had_is_the_worst(unread):
    _, search = run(grid([0, 1, 2]), lambda s: unread if s.strength == 0 else 5 + s.strength)
    assert search.best()["t"] == Setting(1.0)
    assert search.losses() == {"t": 6.0}


def test_when_nothing_could_be_read_the_model_is_left_alone():
    _, search = run(golden_section(0, 8, 6), lambda s: None)
    assert search.best()["t"] == Setting(0.0)


def test_of_equal_losses_the_weaker_strength_is_chosen_also_among_negative_ones():
    _, search = run(grid([-4, 2, -1, 3]), lambda s: 1.0)
    assert search.best()["t"] == Setting(-1)


def test_wordings_are_tried_up_to_the_budget_and_the_first_wins_a_tie():
    tried, search = run(wordings(9, 4), lambda s: 1.0 if s.wording in (1, 3) else 2.0)
    assert tried == [Setting(1.0, n) for n in range(4)]
    assert search.best()["t"] == Setting(1.0, 1)


def test_even_grids_hold_zero_and_both_ends():
    assert spaced(0, 8, 5) == [0, 2, 4, 6, 8]
    assert spaced(0.6, 1.5, 4) == pytest.approx([0, 0.6, 1.05, 1.5])
    assert spaced(1, 3, 2) == [0, 1]


def test_the_published_grid_is_cut_to_the_methods_range():
    assert published_grid(0, 8) == [0, 1, 2, 4, 6, 8]
    assert published_grid(2, 5) == [0, 2, 4]


def test_targets_are_searched_side_by_side_each_by_its_own_losses():
    lowest = {"a": 1.0, "b": 7.0}
    search = StrengthSearch(["a", "b"], lambda _: golden_section(0, 8, 9))
    steps = 0
    while not search.finished:
        settings = search.propose()
        search.observe({t: (s.strength - lowest[t]) ** 2 for t, s in settings.items()})
        steps += 1
    alone = {t: run(golden_section(0, 8, 9), lambda s, at=at: (s.strength - at) ** 2)[1] for t, at in lowest.items()}
    assert steps == 9
    assert search.best() == {t: one.best()["t"] for t, one in alone.items()}
    assert search.propose() == {"a": None, "b": None}


def test_a_finished_search_takes_no_more_losses():
    _, search = run(grid([1]), lambda s: 0.0)
    with pytest.raises(ValueError, match="finished"):
        search.observe({"t": 1.0})


def test_a_setting_turns_a_fit_into_what_the_engine_gets():
    from steerbench.contracts.edits import Add

    first, second = PromptChange("one"), PromptChange("two")
    fitted = Steering((Add("resid", 3, np.ones(4, dtype=np.float32)),), first, (second,))
    applied = Setting(2.5, 1).apply(fitted)
    assert (applied.prompt, applied.alternatives) == (second, ())
    assert applied.edits[0].strength == 2.5
    assert Setting(0.0).apply(fitted).edits == ()


def test_a_wording_that_there_is_none_of_is_told():
    fitted = Steering(prompt=PromptChange("One."), alternatives=(PromptChange("Two."),))
    assert Setting(wording=1).apply(fitted).prompt == PromptChange("Two.")
    with pytest.raises(UserError, match=r"number 2, counted from 0, of 2\): the run it comes from had other"):
        Setting(wording=2).apply(fitted)
