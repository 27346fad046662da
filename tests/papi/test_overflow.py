"""PAPI's answers that overflowed: read as nothing, and a board that stands all the same."""

import math

import pytest

from steerbench.contracts import Choice, Completion, Scored, Split
from tasks.papi.readouts import LabelReadout, LetterReadout, TextReadout
from tasks.papi.task import PAPI

NO_NUMBERS = Choice((math.nan,) * 5)


@pytest.mark.parametrize("lost", [NO_NUMBERS, Choice((-1.0, -2.0, math.nan, -3.0, -4.0))])
@pytest.mark.parametrize("readout", [LabelReadout(), LetterReadout()])
def test_options_whose_likelihood_is_no_number_are_not_chosen_from(
    readout: LabelReadout | LetterReadout, lost: Choice
) -> None:
    assert readout.read(lost) == (None, None)


@pytest.mark.parametrize("parser", ["careful", "published"])
def test_a_letter_said_before_the_overflow_is_not_read(parser: str) -> None:
    readout = TextReadout(parser)  # type: ignore[arg-type]
    assert readout.read(Completion(" (B)", 2, "length")) == (4, 4)
    assert readout.read(Completion(" (B)", 2, "overflow")) == (None, None)


def test_a_row_that_overflowed_everywhere_has_no_answer_on_the_board() -> None:
    task = PAPI()
    task.unseal()
    said = {"pas": NO_NUMBERS, "unsteered": Choice((-3.0, -2.0, -1.0, -4.0, -5.0))}
    rows = {
        name: [
            Scored(target.id, item.id, task.score(item, target, outcome))
            for target in task.targets(Split.TEST)
            for item in task.items(target, Split.TEST)
        ]
        for name, outcome in said.items()
    }
    metrics = task.summarise(rows, 0).metrics
    assert metrics["pas"]["missing rate"].value == 1.0
    assert metrics["unsteered"]["missing rate"].value == 0.0
    assert "modal share" not in metrics["pas"]
