"""The best of several doses: its interval over all doses at once, and its expected shrinkage, against slow oracles."""

import numpy as np
import pytest
from scipy import stats

from steerbench.statistics import resample_counts
from steerbench.studies.tradeoff import matching
from steerbench.studies.tradeoff.reach import reach, shrinkage

EFFECTS = np.random.default_rng(4).normal(size=(4, 15)) + np.array([0.0, 0.2, 0.1, 0.5])[:, None]


def test_the_largest_effect_has_an_interval_for_all_doses():
    """Between a single dose's Student interval and Bonferroni's, which knows no correlation."""
    best, found = reach(EFFECTS, seed=0)
    assert best == EFFECTS.mean(axis=1).argmax()
    assert found.value == pytest.approx(EFFECTS[best].mean())
    error = EFFECTS[best].std(ddof=1) / np.sqrt(15)
    half = (found.high - found.low) / 2 / error
    assert stats.t.ppf(0.975, 14) < half < stats.t.ppf(1 - 0.025 / 4, 14) * 1.02


def test_doses_that_move_the_questions_alike_are_one_dose():
    same = np.stack([EFFECTS[0], 2 * EFFECTS[0], 3 * EFFECTS[0]])
    best, found = reach(same, seed=0)
    error = same[best].std(ddof=1) / np.sqrt(15)
    assert (found.high - found.value) / error == pytest.approx(stats.t.ppf(0.975, 14), rel=0.03)


@pytest.mark.parametrize("effects", [np.ones((3, 8)), np.array([[1.0], [2.0]])])
def test_there_is_no_interval_where_questions_do_not_vary(effects):
    _, found = reach(effects, seed=0)
    assert (found.low, found.high) == (None, None)


def test_shrinkage_is_what_the_best_dose_of_a_resample_has_more_there_than_on_all_questions(monkeypatch):
    monkeypatch.setattr(matching, "RESAMPLES", 1000)
    found = shrinkage(EFFECTS, seed=9)
    optimism = []
    for counts in resample_counts(15, np.random.default_rng(9), 1000):
        questions = np.repeat(np.arange(15), counts.astype(int))
        means = [np.mean([dose[q] for q in questions]) for dose in EFFECTS]
        best = max(range(4), key=means.__getitem__)
        optimism.append(means[best] - EFFECTS[best].mean())
    assert found.value == pytest.approx(np.mean(optimism), abs=1e-8)
    assert shrinkage(EFFECTS[:1], seed=9) is None
