"""Numbers with signs, fractions, currencies and separators, and in words; None where another number may be meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerbench.contracts.thoughts import UNFINISHED
from tasks.reasoning.answers import extract
from tasks.reasoning.number_words import number_in_words

SIGNS = [
    ("-\\frac{3}{4}", "-0.75"),
    ("$-$\\frac{3}{4}$", "-0.75"),
    ("\\boxed{-\\frac{7}{2}}", "-3.5"),
    ("-\\dfrac12", "-0.5"),
    ("\\frac{-3}{4}", "-0.75"),
    ("-\\frac{3}{-4}", "0.75"),
    ("-\\left(\\frac{3}{4}\\right)", "-0.75"),
    ("-(3/4)", "-0.75"),
    ("-3\\tfrac{1}{2}", "-3.5"),
    ("3\\frac12", "3.5"),
    ("\u2212\u00bd", "-0.5"),
    ("\u22123\u00bd", "-3.5"),
    ("\uff0d\uff15", "-5"),
    ("3 - 8 = - 5", "-5"),
    ("is -**5**", "-5"),
    ("= -\\mathbf{5}", "-5"),
    ("-\\;\\frac{1}{2}", "-0.5"),
    ("- 5", None),
    (": - 5", None),
    ("5-\\frac{1}{2}", None),
    ("3 -(5)", None),
    ("\u00b15", None),
    ("\\pm 5", None),
    ("\\frac{x}{2}", None),
    ("2\\sqrt{3}", None),
    ("2\u03c0", None),
    ("-5/-6", None),
]

WRITTEN = [
    ("Rs. 500", "500"),
    ("-Rs.500", "-500"),
    ("-A$5", "-5"),
    ("Rs 1,00,000", "100000"),
    ("5 lakh", "500000"),
    ("\u20ac 3,50", "3.5"),
    ("3,50 \u20ac", "3.5"),
    ("$3,50", None),
    ("1'000", "1000"),
    ("1_000", "1000"),
    ("5_2", None),
    ("1, 000", None),
    ("\uff11\uff0c\uff10\uff10\uff10", "1000"),
    ("\uff15\uff10\uff05", "50"),
    ("`72`", "72"),
    ("72\u3002", "72"),
    ("10<sup>3</sup>", "1000"),
    ("3 or four", None),
    ("5 tenths", None),
    ("2 and a half", None),
    ("5 dollars and fifty cents", None),
    ("5bn", None),
    ("approx. 72", "72"),
    ("Without the discount it costs 50", "50"),
    ("72. No, wait: 75", "75"),
    ("72. Correction: -75", "-75"),
    ("72. Wait, he has 3 left so 75", None),
]

IN_WORDS = [
    ("twenty-five", "25"),
    ("Seventy five apples", "75"),
    ("one hundred.", "100"),
    ("one hundred and five", "105"),
    ("a thousand", "1000"),
    ("twelve thousand five hundred and one", "12501"),
    ("one million two hundred thousand", "1200000"),
    ("minus twenty-five", "-25"),
    ("seventy-two (72)", "72"),
    ("The answer is: **twenty**.", "20"),
    ("two thousand three million", None),
    ("twenty five six", None),
    ("twenty-five or thirty", None),
    ("twenty first", None),
    ("two-thirds", None),
    ("two and a half", None),
    ("three point five", None),
    ("two-year plan", None),
    ("a dozen", None),
    ("one can see", None),
    ("Twenty of the 30", None),
    ("seventy-two (73)", None),
    ("one hour and 30 minutes", None),
    ("five dollars and fifty cents", None),
]


@pytest.mark.parametrize(("text", "answer"), [*SIGNS, *WRITTEN, *IN_WORDS])
def test_a_number_is_read_as_written_or_not_at_all(text: str, answer: str | None) -> None:
    reading = extract(f" {text}", "number")
    assert reading.answer == answer
    assert bool(reading.reason) == (answer is None)


SMALL = """\
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen\
"""
ONES = SMALL.split()
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(number: int, joint: str, link: str) -> str:
    """As a pupil is taught to write it, from the left."""
    for scale, name in ((10**6, "million"), (10**3, "thousand"), (100, "hundred")):
        if number >= scale:
            rest = number % scale
            joined = link if rest < 100 else " "
            return f"{in_words(number // scale, joint, link)} {name}" + (joined + in_words(rest, joint, link)) * (
                rest > 0
            )
    if number < 20:
        return ONES[number]
    return TENS[number // 10] + (joint + ONES[number % 10]) * (number % 10 > 0)


@given(st.integers(0, 10**9 - 1), st.sampled_from(["-", " "]), st.sampled_from([" ", " and "]))
def test_every_number_is_read_back_from_its_words(number: int, joint: str, link: str) -> None:
    assert number_in_words(in_words(number, joint, link) + " apples") == number


@pytest.mark.parametrize("stage", ["answer", "chain"])
def test_what_was_thought_is_no_answer(stage: str) -> None:
    def read(text: str) -> tuple[str | None, str]:
        reading = extract(text, "number", stage=stage)  # type: ignore[arg-type]
        return reading.answer, reading.reason

    assert read("<think>The answer is 41. Wait, no.</think>\n\nThe answer is 42.") == ("42", "")
    assert read("The answer is 41.</think> The answer is 42.") == ("42", "")
    assert read("<think>The answer is 41.") == (None, UNFINISHED)
    assert read("The answer is 41. <think> Or is it?") == (None, UNFINISHED)
    assert read("<think>The answer is 41.</think>")[0] is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is 5. No, wait: 6.", "6"),
        ("\\boxed{5} Hold on, 6.", "6"),
        ("#### 5\nWait, I forgot that there are 2 more, so 7.", None),
        ("The answer is 5. Wait.", None),
        ("The answer is 5. They wait for 2 hours.", "5"),
        ("The answer is 5. Wait. The answer is 6.", "6"),
    ],
)
def test_a_chain_may_take_its_answer_back(text: str, answer: str | None) -> None:
    assert extract(text, "number", stage="chain").answer == answer
