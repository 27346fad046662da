"""The gate: silent on noise, awake to slow-downs, plain about what it cannot compare."""

from itertools import product

import numpy as np
import pytest

from steerbench.timing.gate import change_of, compare
from steerbench.timing.ratios import paired_ratios, ratio_of
from tests.timing.rounds import MACHINE, case, noisy_case, noisy_file, rounds_of, timing_file

TOLERANCE = 0.10
NOISE = 0.05


def test_the_same_distribution_passes_for_97_of_100_files_of_twelve_cases():
    passed = [not compare(noisy_file(2 * s, NOISE), noisy_file(2 * s + 1, NOISE)).worse for s in range(100)]
    assert np.mean(passed) >= 0.97


@pytest.mark.parametrize(("worse", "at_least"), [(1.3, 0.95), (1.5, 0.99)])
def test_a_slow_down_is_caught_with_the_default_number_of_rounds(worse, at_least):
    rng = np.random.default_rng(0)
    pairs = [(noisy_case(rng, NOISE), noisy_case(rng, NOISE, 1.05 * worse)) for _ in range(300)]
    assert np.mean([change_of(*pair, TOLERANCE).worse for pair in pairs]) >= at_least


def test_a_noisy_machine_widens_the_interval_and_does_not_cry_wolf():
    rng = np.random.default_rng(0)
    pairs = [(noisy_case(rng, 0.2), noisy_case(rng, 0.2)) for _ in range(300)]
    changes = [change_of(*pair, TOLERANCE) for pair in pairs]
    assert np.mean([change.worse for change in changes]) <= 0.03
    assert np.median([change.high / change.low for change in changes]) > 1.3


def test_a_slow_down_within_the_tolerance_passes_however_sure_it_is():
    rng = np.random.default_rng(0)
    old, new = noisy_case(rng, 0.001), noisy_case(rng, 0.001, 1.05 * 1.09)
    change = change_of(old, new, TOLERANCE)
    assert change.low > 1.08
    assert not change.worse
    assert change_of(old, new, 0.05).worse


def test_one_disturbed_round_is_no_slow_down():
    calm = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98]
    old, new = case(rounds_of(calm, calm)), case(rounds_of([9.0, *calm[1:]], calm))
    assert not change_of(old, new, TOLERANCE).worse
    # All rounds but one being slow, the odd one does not hide it.
    slow = case(rounds_of([1.0, *(2 * value for value in calm[1:])], calm))
    assert change_of(old, slow, TOLERANCE).worse


def test_a_machine_of_a_tenth_of_the_speed_changes_no_ratio_but_is_told():
    rng = np.random.default_rng(0)
    one = noisy_case(rng, NOISE)
    sides = [[getattr(r, side).seconds * 10 for r in one.rounds] for side in ("method", "reference")]
    slower = timing_file([case(rounds_of(*sides))], MACHINE.model_copy(update={"cpu": "slide rule", "threads": 2}))
    verdict = compare(timing_file([one]), slower)
    assert verdict.changes[0].change == pytest.approx(1)
    assert verdict.warnings == ["machines (abacus, 1 thread; slide rule, 2 threads)"]


def test_what_moves_ratios_by_itself_is_told():
    one = case(rounds_of([1.0], [1.0]))
    old = timing_file([one])
    changes = {
        "clock": "cpu",
        "model": "other",
        "sizes": old.sizes.model_copy(update={"targets": 3}),
        "methods": {"pas": {"pas": {"heads": 3}}},
    }
    assert compare(old, old.model_copy(update=changes)).warnings == [
        "models (smollm2-135m; other)",
        "clocks (wall; cpu)",
        "sizes",
        "parameters of pas",
    ]


def test_cases_of_one_file_only_are_named_and_not_compared():
    old = timing_file([case(rounds_of([1.0], [1.0]), method=name) for name in ("pas", "caa")])
    new = timing_file([case(rounds_of([1.0], [1.0]), method=name) for name in ("pas", "npti")])
    verdict = compare(old, new)
    assert [change.name[1] for change in verdict.changes] == ["pas"]
    assert verdict.only_old == [("choose", "caa", "hf")]
    assert verdict.only_new == [("choose", "npti", "hf")]


def test_an_interval_of_a_median_is_that_of_all_resamples():
    values = [1.0, 1.2, 1.7]
    ratio = ratio_of(rounds_of(values, [1.0] * 3), "second")
    every = [np.median(drawn) for drawn in product(values, repeat=3)]
    assert (ratio.low, ratio.median, ratio.high) == pytest.approx(
        (np.quantile(every, 0.025), 1.2, np.quantile(every, 0.975))
    )


def test_texts_are_compared_by_their_tokens():
    rounds = rounds_of([2.0, 3.0], [1.0, 1.0], generated=(40, 10))
    assert paired_ratios(rounds, "second per generated token") == pytest.approx([0.5, 0.75])
    assert paired_ratios(rounds, "second").tolist() == [2, 3]
