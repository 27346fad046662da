"""`check_task`: what it lets pass, and what it says of tasks that are each wrong in one way."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from steerbench.contracts import (
    PENDING,
    Case,
    Choice,
    Comparison,
    Completion,
    Metric,
    Outcome,
    Prompt,
    Request,
    Sampling,
    Score,
    Scored,
    Split,
    Summary,
    Verdict,
)
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, Respondent, Target
from steerbench.testing import check_task

ITEMS = [Item(f"i{number}", f"Say {number}.") for number in range(6)]


class Right:
    """Two people are asked for yes or no; every "yes" is right."""

    name = "right"
    sampling = Sampling()
    baselines: Mapping[str, str] = {"unsteered": "unsteered"}

    def __init__(self) -> None:
        self.sealed = True

    def identity(self) -> Mapping[str, str]:
        return {"dataset": "yes"}

    def targets(self, split: Split) -> Sequence[Target]:
        return [Respondent("her", ()), Respondent("him", ())]

    def items(self, target: Target, split: Split) -> Sequence[Item]:
        return ITEMS[:2] if split is Split.CALIBRATION else ITEMS[2:]

    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        return Request(Prompt(start=f"{steering.prompt.as_message()} {item.text}"), steering, (" yes", " no"))

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        if self.sealed and item in ITEMS[2:]:
            raise RuntimeError("sealed")
        assert isinstance(outcome, Choice)
        return Score(None, unscored="unread") if outcome.overflowed else Score(float(outcome.probabilities()[1]))

    def unseal(self) -> None:
        self.sealed = False

    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
        means = {name: [s.score.loss for s in row if s.score.loss is not None] for name, row in rows.items()}
        return Summary({name: {"error": Metric(float(np.mean(of)), n=len(of))} for name, of in means.items() if of})


class Judged(Right):
    """Free text, left to a judge."""

    judges: Mapping[str, str] = {"trait": "axis"}
    reference = ""

    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        return Request(Prompt(start=f"{steering.prompt.as_message()} {item.text}"), steering)

    def items(self, target: Target, split: Split) -> Sequence[Item]:
        if split is Split.TEST and self.sealed:
            raise RuntimeError("sealed")
        return super().items(target, split)

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        return Score(None, unscored=PENDING)

    def cases(self, item: Item, target: Target, answer: Completion, split: Split) -> Sequence[Case]:
        return [Case("trait", "openness", item.text, answer.text)]

    def rated(self, item: Item, target: Target, answer: Completion, verdicts: Sequence[Verdict]) -> Score:
        rating = verdicts[0].rating
        return Score(None, unscored=verdicts[0].unscored) if rating is None else Score(5 - rating)


class OneSplit(Right):
    def items(self, target: Target, split: Split) -> Sequence[Item]:
        return ITEMS


class Twins(Right):
    def targets(self, split: Split) -> Sequence[Target]:
        return [Respondent("her", ()), Respondent("her", ())]


class Open(Right):
    def __init__(self) -> None:
        self.sealed = False


class Moody(Right):
    def identity(self) -> Mapping[str, str]:
        return {"dataset": str(id(self))}


class Numbered(Right):
    def identity(self) -> Any:
        return {"items": 6}


class Unsteerable(Right):
    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        return Request(Prompt(start=f"{steering.prompt.as_message()} {item.text}"), options=(" yes", " no"))


class Wordless(Right):
    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        return Request(Prompt(start=item.text), steering, (" yes", " no"))


class SameOption(Right):
    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        return Request(Prompt(start=f"{steering.prompt.as_message()} {item.text}"), steering, (" yes", " yes"))


class Endless(Right):
    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        super().score(item, target, outcome)
        return Score(float("inf"))


class Arrays(Right):
    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        return Score(super().score(item, target, outcome).loss, {"all": np.ones(2)}, "unread")


class Deaf(Right):
    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        super().score(item, target, outcome)
        return Score(None, {}, "never")


class Brittle(Right):
    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        super().score(item, target, outcome)
        assert isinstance(outcome, Choice)
        return Score(1 / (outcome.logprobs[0] + 9))


class Roleless(Right):
    baselines: ClassVar[Any] = ["unsteered"]


class OtherRole(Right):
    baselines: ClassVar[Any] = {"unsteered": "nothing"}


class Fickle(Right):
    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
        return Summary({name: {"error": Metric(float(np.random.default_rng().normal()))} for name in rows})


class Comparing(Right):
    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
        return Summary({}, {name: [Comparison("ghost", 0, 1, 1)] for name in rows})


class Fragile(Right):
    """Cannot bear a row without a number."""

    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
        every = {name: [s.score.loss for s in row if s.score.loss is not None] for name, row in rows.items()}
        return Summary({name: {"error": Metric(sum(of) / len(of))} for name, of in every.items()})


class Unasked(Judged):
    def cases(self, item: Item, target: Target, answer: Completion, split: Split) -> Sequence[Case]:
        return [Case("style", "openness", item.text, answer.text)]


class Generous(Judged):
    def rated(self, item: Item, target: Target, answer: Completion, verdicts: Sequence[Verdict]) -> Score:
        return Score(5 - (verdicts[0].rating or 3))


class Judgeless(Right):
    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        return Request(Prompt(start=f"{steering.prompt.as_message()} {item.text}"), steering)

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        return Score(None, unscored=PENDING)


@pytest.mark.parametrize("right", [Right, Judged])
def test_a_task_that_is_right_passes_as_class_and_as_instance(right: Any) -> None:
    check_task(right)
    check_task(right())


def test_an_instance_is_still_sealed_after_it_was_checked() -> None:
    task: Any = Right()
    check_task(task)
    assert task.sealed


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (OneSplit, "the items ['i0', 'i1', 'i2', 'i3', 'i4', 'i5'] of 'her' are in both splits"),
        (Twins, "two targets of calibration have the same id"),
        (Open, "test items are handed out and scored before `unseal` was called; raise a RuntimeError there"),
        (Moody, "it may depend on nothing but parameters and data"),
        (Numbered, "`identity` gave {'items': 6}; it has to be a dict of texts"),
        (Unsteerable, "the request for item 'i2' leaves out the steering's edits; pass it on"),
        (Wordless, "the request for item 'i2' leaves out `steering.prompt`; put its `as_message()` before the item"),
        (SameOption, "the request for item 'i2' has an option twice: (' yes', ' yes')"),
        (Endless, "gives the loss inf; a loss is a finite number"),
        (Arrays, "gives a record that cannot be written as JSON"),
        (Arrays, "gives a loss and a reason for having none ('unread')"),
        (Deaf, "no answer has a loss, so no strength can be chosen"),
        (Brittle, "raised ZeroDivisionError"),
        (Roleless, "`baselines` raised UserError: The task 'right' names its baselines without their roles"),
        (OtherRole, "`baselines` has {'unsteered': 'nothing'}; a role is one of unsteered, placebo,"),
        (Fickle, "`summarise` gives another board the second time; draw from its `seed`"),
        (Comparing, "'a-method' is compared with ['ghost'], which are no rows"),
        (Fragile, "`summarise` of a row in which every answer overflowed raised ZeroDivisionError"),
        (Unasked, "`cases` of item 'i2' has the roles ['style'], and `judges` names ['trait']"),
        (Generous, "`rated` of item 'i2' makes a loss of verdicts without a rating"),
        (Judgeless, "it leaves scores PENDING, but has not all of `judges`, `reference`, `cases` and `rated`"),
    ],
)
def test_what_is_wrong_with_a_task_is_said(wrong: Any, said: str) -> None:
    with pytest.raises(AssertionError) as raised:
        check_task(wrong)
    assert said in str(raised.value)
