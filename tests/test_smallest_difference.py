"""The smallest difference that a run would show, whatever scipy's noncentral t does in its far tail."""

import math

import numpy as np
import pytest
from scipy import stats

from steerbench.statistics import smallest_difference


def test_every_number_of_units_has_one_and_more_units_find_smaller_ones():
    found = [smallest_difference(1.0, units) for units in range(6, 400)]
    assert all(value is not None and math.isfinite(value) for value in found)
    assert all(np.diff(np.array(found, dtype=float)) < 0)


@pytest.mark.parametrize("units", [6, 9, 30])
def test_four_of_five_runs_with_that_difference_find_it(units):
    rng = np.random.default_rng(units)
    runs = rng.normal(smallest_difference(2.0, units), 2.0, size=(20_000, units))
    assert (stats.ttest_1samp(runs, 0.0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.01)
