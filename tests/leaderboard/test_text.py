"""Numbers, names and drawings."""

import math

import pytest

from leaderboard.drawing import MARGIN, WIDTH, axis_over
from leaderboard.text import cut, decimals, number, probability, seconds, slug
from steerbench.records.results import MetricRecord
from tests.leaderboard.made_up import metric


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [
        (1234.5, 0, "1,234"),
        (-0.004, 2, "0.00"),
        (-0.5, 2, "\N{MINUS SIGN}0.50"),
        (None, 2, "\N{EN DASH}"),
        (math.nan, 2, "\N{EN DASH}"),
        (math.inf, 2, "\N{EN DASH}"),
        (-1e300, 0, "\N{MINUS SIGN}1.00e+300"),
    ],
)
def test_a_number_is_written_short_and_one_that_is_none_as_a_dash(value, digits, written):
    assert number(value, digits) == written


@pytest.mark.parametrize(("values", "digits"), [([250.0], 0), ([25.0, None], 1), ([2.5], 2), ([0.025], 3), ([], 2)])
def test_a_column_has_the_digits_that_its_largest_value_needs(values, digits):
    assert decimals(values) == digits


def test_long_times_are_told_in_minutes_and_hours():
    assert [seconds(value) for value in (2.04, 59.7, 600, 36_000)] == ["2.0 s", "60 s", "10 min", "10.0 h"]


def test_a_probability_is_never_written_as_nought():
    assert [probability(p) for p in (0.0, 0.0009, 0.001, 1.0, None)] == [
        "< 0.001",
        "< 0.001",
        "0.001",
        "1.000",
        "\N{EN DASH}",
    ]


def test_a_long_name_is_cut():
    assert len(cut("x" * 10_000_000)) == 120


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", ".", "", "a/b", "Ünï", "CON NUL", "x" * 300, "-"])
def test_any_name_makes_a_file_name_of_plain_letters(name):
    made = slug(name)
    assert made[0].isalnum()
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert len(made) <= 70


def test_names_that_lose_something_stay_apart():
    assert slug("papi-300") == "papi-300"
    assert len({slug(name) for name in ("a b", "a-b", "a/b", "A-b")}) == 4


def test_estimates_stand_between_the_outermost_ends():
    axis = axis_over([metric(1.0, 1.0), metric(3.0, 1.0), None])
    assert (axis.low, axis.high) == (0.0, 4.0)
    mark = axis.mark(metric(2.0, 1.0))
    assert (mark.low, mark.x, mark.high) == (43.0, 80.0, 117.0)  # quarters of 148 after a margin of 6


def test_one_stranger_among_many_does_not_squeeze_the_rest():
    axis = axis_over([*(metric(1.0 + place / 100, 0.0) for place in range(100)), metric(1e9, 0.0)])
    assert axis.high < 2.5
    assert axis.mark(metric(1e9)).x == WIDTH - MARGIN


@pytest.mark.parametrize(
    "values", [[], [MetricRecord(value=None)], [metric(2.0, 0.0)], [metric(math.nan)], [metric(1e308), metric(-1e308)]]
)
def test_a_line_over_anything_has_a_length_and_holds_it(values):
    axis = axis_over(values)
    assert axis.high > axis.low
    for given in values:
        mark = axis.mark(given)
        assert mark is None or MARGIN <= mark.low <= mark.x <= mark.high <= WIDTH - MARGIN
