"""What is read out of a generator's replies."""

import pytest

from tasks.personalitybench.question_prompts import question_of, verdict_of


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        (' "You wait.\nWhat now?" ', "You wait. What now?"),
        ("Revised question: You wait. What now?", "You wait. What now?"),
        ('"You wait," he says. What is your "plan"', '"You wait," he says. What is your "plan"'),
        ("You have a question: what now?", "You have a question: what now?"),
        ("half \ud800 a pair?", "half ? a pair?"),
        (" \n", ""),
    ],
)
def test_a_question_is_taken_out_of_what_was_said(reply: str, question: str) -> None:
    assert question_of(reply) == question


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("No.", "no"),
        ("**Yes**, since no one would refuse", "yes"),
        ("Having looked at it: no", "no"),
        ("Yes or no", None),
        ("There is no lean here", None),
        ("Nothing", None),
        ("", None),
    ],
)
def test_a_verdict_is_the_first_or_the_last_word(reply: str, verdict: str | None) -> None:
    assert verdict_of(reply) == verdict
