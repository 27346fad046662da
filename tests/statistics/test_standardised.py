"""A mean difference in its own standard deviations: by hand, at its edges, and how often its interval covers."""

import math
from statistics import fmean, stdev

import numpy as np
import pytest

from steerbench.statistics import standardised_mean


def test_it_is_the_mean_over_the_standard_deviation_and_its_interval_leaves_out_one_at_a_time() -> None:
    values = [1.0, 2.5, -0.5, 3.0, 0.75]
    found = standardised_mean(np.array([*values, math.nan]))
    assert found.value == pytest.approx(fmean(values) / stdev(values))
    without = []
    for place in range(len(values)):
        rest = values[:place] + values[place + 1 :]
        without.append(fmean(rest) / stdev(rest))
    error = math.sqrt(4 / 5 * sum((one - fmean(without)) ** 2 for one in without))
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.value == pytest.approx(2.7764451 * error)
    assert found.value - found.low == pytest.approx(2.7764451 * error)
    assert found.n == 5


def test_it_is_0_without_differences_and_undefined_where_they_do_not_differ() -> None:
    assert standardised_mean(np.array([0.0, 1e-16, -1e-16])).value == 0.0
    same = standardised_mean(np.array([0.3, 0.1 + 0.2, 0.3]))
    assert math.isnan(same.value)
    assert "undefined" in same.note
    assert math.isnan(standardised_mean(np.array([2.0])).value)
    lone = standardised_mean(np.array([0.0, 0.0, 0.0, 1.0]))
    assert lone.value == pytest.approx(0.5)
    assert (lone.low, lone.note) == (None, "no interval: undefined without one of them")
    with pytest.raises(ValueError, match="at least one unit"):
        standardised_mean(np.array([math.nan]))


@pytest.mark.parametrize(("units", "truth"), [(6, 0.5), (20, 0.5), (20, 2.0), (60, 0.0)])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(units: int, truth: float) -> None:
    rng = np.random.default_rng(0)
    found = [standardised_mean(rng.normal(truth, 1, units)) for _ in range(600)]
    covered = sum(one.low is not None and one.high is not None and one.low <= truth <= one.high for one in found)
    assert 0.935 <= covered / 600 <= 0.995
