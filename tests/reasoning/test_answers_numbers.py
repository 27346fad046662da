"""Numbers that generated text states: a table of hard cases, and every way to write a number read back."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.reasoning.answers import Stage, extract
from tasks.reasoning.numerals import canonical

BEHIND_THE_PROMPT = [
    ("72", "72"),
    (" 72.", "72"),
    ("72.0", "72"),
    ("72.00 dollars", "72"),
    ("$72", "72"),
    ("$ 72.50.", "72.5"),
    ("US$1,250", "1250"),
    ("72 €", "72"),
    ("-5", "-5"),
    ("-$5", "-5"),
    ("$-5", "-5"),
    ("\u22125 degrees", "-5"),
    ("minus 5", "-5"),
    ("negative 3.5", "-3.5"),
    ("-0", "0"),
    ("1,000", "1000"),
    ("1.000", "1"),
    ("1,450,000", "1450000"),
    ("1.450.000", "1450000"),
    ("1.000,50", "1000.5"),
    ("12\u00a0500", "12500"),
    ("12\u202f500 people", "12500"),
    ("$118 000.", "118000"),
    ("1 000 250", "1000250"),
    ("1{,}000", "1000"),
    ("0.5", "0.5"),
    (".5 miles", "0.5"),
    ("3/4", "0.75"),
    ("1/3 of the cake", "1/3"),
    ("-1/2", "-0.5"),
    ("2 1/2 cups", "2.5"),
    ("2 and 1/2 cups", "2.5"),
    ("2½", "2.5"),
    ("¾", "0.75"),
    ("⅓", "1/3"),
    ("\\frac{3}{4}", "0.75"),
    ("\\(72\\)", "72"),
    ("$72$.", "72"),
    ("25%", "25"),
    ("25 %.", "25"),
    ("25\\%", "25"),
    ("1.2e3", "1200"),
    ("1.5E-2", "0.015"),
    ("1.2 \u00d7 10^3", "1200"),
    ("1.2 x 10^{3}", "1200"),
    ("3 \u00d7 10⁴", "30000"),
    ("10^3", "1000"),
    ("5**2", "25"),
    ("2 million", "2000000"),
    ("1.5 thousand", "1500"),
    ("**72**", "72"),
    ("**72 apples**.", "72"),
    ("_72_", "72"),
    ('"72"', "72"),
    ("(72)", "72"),
    ("[72]", "72"),
    ("≈ 72", "72"),
    ("x = 72", "72"),
    ("72kg", "72"),
    ("72 km/h", "72"),
    ("5 m²", "5"),
    ("\uff17\uff12", "72"),
    ("3 + 4 = 7", "7"),
    ("3 + 4 = 5 + 2 = 7.", "7"),
    ("$3 + $4 = $7", "7"),
    ("5 boxes x 3 pens = 15 pens", "15"),
    ("10-3=7", "7"),
    ("3 plus 4 equals 7", "7"),
    ("to add 3 and 4. The answer is 7.", None),
    (":\n\n72", "72"),
    ("\n\n72\n\nQuestion: What is 3 + 4?", "72"),
    ("72.\nQ: How many are 5 and 6?\nA: 11", "72"),
    ("72. Then she had 5 more.", "72"),
    ("5. To check, 3 + 2 = 1.", "5"),
    (":\n1. Add 3 and 4.\n2. Then stop.", None),
    ("1. The sum is 7.\n2. That is all.", "7"),
    ("72, not 80", "72"),
    ("twelve", "12"),
    ("Twelve apples.", "12"),
    ("exactly seven days", "7"),
    ("about 72", "72"),
    ("not known", None),
    ("", None),
    ("  \n ", None),
    ("the number of apples", None),
    ("one of them", None),
    ("twenty-five", "25"),
    ("two hundred", "200"),
    ("three more than John", None),
    ("1,5", None),
    ("12,50 euros", None),
    ("1,0000", None),
    ("0,500", None),
    ("1 200", None),
    ("5 250 gram bags", None),
    ("1.2.3", None),
    ("3 to 4", None),
    ("3-4 days", None),
    ("3 or 4", None),
    ("3 + 4", None),
    ("20 * 2 * 2 *", None),
    ("6 x 7", None),
    ("05/01/2021", None),
    ("3:30", None),
    ("3:2", None),
    ("$5k", None),
    ("the 3rd", None),
    ("3/0", None),
    ("covid-19", None),
    ("H2O", None),
    ("1e999999999", None),
    ("9" * 10000, None),
    ("9" * 5000 + "/3", None),
    ("1 " + "9" * 5000 + "/3", None),
    ("9" * 5000 + "½", None),
    ("10^99999", None),
    ("NaN", None),
    ("inf", None),
]

IN_A_CHAIN = [
    ("5 + 3 = 8, so there are 8.\n#### 8", "8"),
    ("She has 9 left.\n#### 1,024", "1024"),
    ("#### -3", "-3"),
    ("#### 5\nOh, I forgot one.\n#### 6", "6"),
    ("So \\boxed{72} it is, out of 100.", "72"),
    ("So \\boxed{\\frac{1}{2}}.", "0.5"),
    ("So \\boxed{\\text{72 km}}.", "72"),
    ("So \\boxed{x = \\frac{3}{4}} holds.", "0.75"),
    ("There are 3 and 4. The answer is 7.", "7"),
    ("The final answer is: $1,200.50.", "1200.5"),
    ("**Answer:** 72", "72"),
    ("Answer = 72", "72"),
    ("The answer (in digits) is 72 of 90.", "72"),
    ("The answer is 5. Wait. The answer is 6.", "6"),
    ("The answer is not 5. The answer is 6.", "6"),
    ("The answer is 6. The answer is", "6"),
    ("The answer is 6. The answer is hard to find.", "6"),
    ("The answer is 3 + 4 = 7.", "7"),
    ("The answer is 7.\n\nQ: There are 5 more. How many?\nA: The answer is 12.", "7"),
    ("The answer is seven.", "7"),
    ("The answer would be 7 dollars", "7"),
    ("She eats 3. So 5 - 3 = 2 are left.", "2"),
    ("She starts with some. Now there are 12 pears.", "12"),
    ("She has 5 pears. She gives 3 of 8 away.", None),
    ("She has 5 pears and then", "5"),
    ("First she has 2+3=5\nSo she has 5*2=10 pears", "10"),
    ("He needs 40 * 2 = 80 lbs. of carrots.\nSo 200 - 80 = 120 lbs. of carrots stay.", "120"),
    ("She has 5 pears. That was easy.", None),
    ("The answer is not 5.", None),
    ("The answer is 3 or 4.", None),
    ("The answers are many.", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "answer"), BEHIND_THE_PROMPT, ids=[repr(t[:30]) for t, _ in BEHIND_THE_PROMPT])
def test_a_number_behind_the_prompt_is_read_as_it_is_meant(text: str, answer: str | None) -> None:
    reading = extract(text, "number")
    assert reading.answer == answer
    assert bool(reading.reason) == (answer is None)


@pytest.mark.parametrize(("text", "answer"), IN_A_CHAIN, ids=[repr(t[-30:]) for t, _ in IN_A_CHAIN])
def test_a_chain_of_thought_is_read_where_it_says_its_answer(text: str, answer: str | None) -> None:
    reading = extract(text, "number", stage="chain")
    assert reading.answer == answer
    assert bool(reading.reason) == (answer is None)


def test_of_a_chain_that_was_cut_off_only_marks_count() -> None:
    def cut_off(text: str) -> str | None:
        return extract(text, "number", stage="chain", finished=False).answer

    assert cut_off("She walks 4 miles. She walked 0.") is None
    assert cut_off("So 2 + 3 = 5.") is None
    assert cut_off("The answer is 5. To check, 3 + 2 = 1") == "5"
    assert cut_off("#### 5\nNow 3") == "5"


def test_the_reason_says_what_stands_there() -> None:
    reasons = {text: extract(text, "number").reason for text in ("a lot", "3 to 4", "1,5", "6 x 7", "3:30", " ")}
    assert reasons == {
        "a lot": "there is no number",
        "3 to 4": "there are two numbers for one answer",
        "1,5": "1,5 could be read as more than one number",
        "6 x 7": "there is a calculation without its result",
        "3:30": "3:30 is a date, a time or a ratio",
        " ": "the text is empty",
    }


whole = st.integers(-(10**12), 10**12)
cents = st.integers(-(10**8), 10**8).map(lambda n: Fraction(n, 100))
FRAMES = ["{}", " {}.", "**{}**", "about {}", "{} apples.", '"{}"', "({})", "{}\n\nThat is it.", "\\boxed{{{}}}", "{}%"]
MARKS = [
    "#### {}",
    "The answer is {}.",
    "So 3 * 2 = {}.",
    "There are 5. Answer: {}",
    "Hence \\boxed{{{}}} of 3 things.",
]


@given(whole, st.sampled_from(["{}", "{:,}", "{}.0", "{:,}.00", "{}."]), st.sampled_from(FRAMES))
def test_a_whole_number_is_read_back_however_it_is_written(number: int, form: str, frame: str) -> None:
    assert extract(frame.format(form.format(number)), "number").answer == str(number)


@given(cents, st.sampled_from(["{:.2f}", "{:,.2f}", "{:.4f}"]), st.sampled_from(["", "$"]), st.sampled_from(FRAMES))
def test_an_amount_is_read_back_exactly(amount: Fraction, form: str, currency: str, frame: str) -> None:
    written = form.format(abs(float(amount)))
    text = frame.format(("-" if amount < 0 else "") + currency + written)
    assert extract(text, "number").answer == canonical(amount)


@given(st.integers(-999, 999), st.integers(1, 999), st.sampled_from(FRAMES))
def test_a_fraction_is_read_back_reduced(over: int, under: int, frame: str) -> None:
    assert extract(frame.format(f"{over}/{under}"), "number").answer == canonical(Fraction(over, under))


@given(st.integers(0, 10**6), st.sampled_from(MARKS))
def test_a_marked_number_is_read_back_from_a_chain(number: int, mark: str) -> None:
    assert extract("First 9 and 4 are put together. " + mark.format(number), "number", stage="chain").answer == str(
        number
    )


@given(st.text(), st.sampled_from(["number", "letter", "yes-no", "text-letters"]), st.sampled_from(["answer", "chain"]))
def test_any_text_has_either_an_answer_or_a_reason(text: str, kind: str, stage: Stage) -> None:
    choices = () if kind in ("number", "yes-no") else ("May 1, 2020", "06/02/2020", "07/02/2020")
    reading = extract(text, kind, choices, stage)  # type: ignore[arg-type]
    assert (reading.answer is None) == bool(reading.reason)
