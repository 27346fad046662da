"""The area under the curve and its interval."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from steerbench.statistics import auc_estimate


def test_the_area_is_that_of_the_library_with_ties_counting_half():
    rng = np.random.default_rng(0)
    high, low = np.round(rng.normal(3.5, 1, size=20)), np.round(rng.normal(3, 1, size=15))
    found = auc_estimate(high, low)
    assert found.value == pytest.approx(roc_auc_score([1] * 20 + [0] * 15, np.concatenate([high, low])))
    assert (found.n, found.low < found.value < found.high) == (35, True)


def test_a_perfect_order_of_few_texts_is_no_proof():
    found = auc_estimate(np.arange(8.0) + 10, np.arange(8.0))
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.65 < found.low < 0.9
    worse = auc_estimate(np.arange(8.0), np.arange(8.0) + 10)
    assert (worse.value, worse.low) == (0.0, 0.0)
    assert worse.high == pytest.approx(1 - found.low)


def test_an_end_that_could_not_be_rated_has_no_area():
    assert auc_estimate(np.array([]), np.array([1.0])) is None


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.5])
def test_the_interval_holds_the_true_area_in_95_of_100_samples(shift):
    rng = np.random.default_rng(1)
    truth = float((rng.normal(shift, 1, size=400_000) > rng.normal(size=400_000)).mean())
    found = [auc_estimate(rng.normal(shift, 1, size=16), rng.normal(size=16)) for _ in range(500)]
    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.93
