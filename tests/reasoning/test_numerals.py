"""Exact numbers and the one way to write each."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.reasoning.numerals import canonical, right_forms


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Fraction(72), "72"),
        (Fraction(-3), "-3"),
        (Fraction(0), "0"),
        (Fraction(1, 2), "0.5"),
        (Fraction(-1, 8), "-0.125"),
        (Fraction(1, 20), "0.05"),
        (Fraction(1200), "1200"),
        (Fraction(2, 3), "2/3"),
        (Fraction(-7, 6), "-7/6"),
        (Fraction(10**20 + 1, 10), "10000000000000000000.1"),
    ],
)
def test_a_number_is_written_as_the_shortest_decimal_or_the_reduced_fraction(number: Fraction, text: str) -> None:
    assert canonical(number) == text


@given(st.fractions(max_denominator=5000))
def test_what_is_written_is_the_number_and_nothing_else_is_written_so(number: Fraction) -> None:
    assert Fraction(canonical(number)) == number


def test_a_result_that_ends_has_one_form_whatever_its_trailing_zeros() -> None:
    assert right_forms(Decimal("72.0")) == right_forms(Decimal("72")) == right_forms(Decimal("7.2E+1")) == ("72",)
    assert right_forms(Decimal("0.625")) == ("0.625",)
    assert right_forms(Decimal("-10")) == ("-10",)


def test_a_result_that_a_float_cut_off_may_be_a_fraction_or_rounded_or_cut() -> None:
    forms = right_forms(Decimal("0.6666666666666666"))
    assert {"0.6666666666666666", "2/3", "0.67", "0.66", "0.667", "0.666"} <= set(forms)
    assert not {"0.7", "0.6", "0.68", "0.65", "0.668"} & set(forms)
    assert {"5.666666666666667", "17/3", "5.67"} <= set(right_forms(Decimal("5.666666666666667")))


def test_long_digits_that_are_no_fraction_are_taken_as_they_are() -> None:
    assert right_forms(Decimal("3.141592653589793")) == ("3.141592653589793",)
