"""The rows that reply with text and know nothing of steering."""

from methods.trivial_texts import Echo, FixedText
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Blend, Item
from tests.methods.people import person, pole

QUESTION = Item("q", "A party is on. What do you do?", trait="E")


def said(steering: Steering) -> str | None:
    assert steering.reply
    return steering.reply.said(QUESTION)


def test_an_echo_repeats_the_question() -> None:
    assert [said(steering) for steering in Echo().fit(None, [pole("E", True), pole("N", False)])] == [QUESTION.text] * 2


def test_a_fixed_text_is_the_poles_adjectives() -> None:
    high, low = FixedText().fit(None, [pole("E", True), pole("E", False)])
    assert said(high) == "I am outgoing, talkative, sociable and energetic."
    assert said(low) == "I am reserved, quiet, withdrawn and passive."


def test_a_blends_fixed_text_has_the_adjectives_of_all_its_poles() -> None:
    [blended] = FixedText().fit(None, [Blend((pole("E", True), pole("N", False)))])
    text = said(blended)
    assert text == "I am outgoing, talkative, sociable, energetic, calm, relaxed, stable and confident."


def test_a_respondents_fixed_text_has_the_adjectives_they_lean_to() -> None:
    # Agreeableness: 5, 6 - 1 and 5. Conscientiousness: 3, in the middle.
    [leaning, neutral] = FixedText().fit(None, [person("her", [5, 1, 5, 3]), person("him", [3, 3])])
    assert said(leaning) == "I am kind, cooperative, trusting and generous."
    assert said(neutral) == "I am like most people."
