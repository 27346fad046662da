"""What is asked, and what is read from an answer."""

import math

import pytest

from steerbench.contracts import Choice, Completion
from steerbench.contracts.steering import PromptChange
from steerbench.contracts.targets import Answer, Item
from tasks.papi.readouts import FRAME, LabelReadout, LetterReadout, TextReadout

ASKED = Item("1", "Am early for trains.", "You are early for trains.", "C", "Orderliness", 1)
SHOWN = Item("2", "Lose my keys.", "You lose your keys.", "C", "Orderliness", -1)
KNOWN = PromptChange("You are tidy.", (Answer(SHOWN, 2),))


def test_the_label_readout_continues_the_persons_own_list() -> None:
    prompt = LabelReadout().prompt(ASKED, KNOWN)
    assert prompt.messages == ()
    assert prompt.start == f"You are tidy.\n\n{FRAME.heading} Lose my keys: Moderately Inaccurate; Am early for trains:"


def test_without_a_list_the_label_readout_asks_with_the_same_words() -> None:
    assert LabelReadout().prompt(ASKED, PromptChange()).start == f"{FRAME.heading} Am early for trains:"


def test_a_label_is_the_most_likely_option_and_the_expectation_is_under_all_of_them() -> None:
    answer, expected = LabelReadout().read(Choice(tuple(math.log(p) - 3 for p in (0.1, 0.1, 0.1, 0.3, 0.4))))
    assert answer == 5
    assert expected == pytest.approx(0.1 * 1 + 0.1 * 2 + 0.1 * 3 + 0.3 * 4 + 0.4 * 5)


def test_the_first_letter_means_very_accurate() -> None:
    readout = LetterReadout()
    prompt = readout.prompt(ASKED, KNOWN)
    assert "(A) Very Accurate" in prompt.messages[1][1]
    assert prompt.start == "Option ("
    assert "Lose my keys: Moderately Inaccurate" in prompt.messages[0][1]
    assert readout.read(Choice((0.0, -1.0, -2.0, -3.0, -4.0)))[0] == 5


@pytest.mark.parametrize(
    ("text", "tick"),
    [
        (" (B). Moderately Accurate", 4),
        (" A", 5),
        (": E.", 1),
        (" Extremely true of me", None),
        (" Moderately Inaccurate, I would say", 2),
        (" that I'd choose is hard to say", None),
        ("", None),
        (" D'accord", None),
    ],
)
def test_a_careful_parser_reads_letters_that_stand_alone(text: str, tick: float | None) -> None:
    assert TextReadout("careful").read(Completion(text, 5, "stop"))[0] == tick


@pytest.mark.parametrize(
    ("text", "tick"),
    [(" (B). Moderately", 4), (" true (A)", 1), (" I say (A) now", None), (" (c)", 3), ("", None)],
)
def test_the_published_parser_takes_any_letter_before_none_in_twelve_characters(text: str, tick: float | None) -> None:
    assert TextReadout("published").read(Completion(text, 5, "stop"))[0] == tick
