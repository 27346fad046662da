"""`check_method`: what it lets pass, and what it says of methods that are each wrong in one way."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from steerbench.contracts.edits import Add
from steerbench.contracts.steering import PromptChange, Reply, Steering
from steerbench.contracts.targets import Item, Respondent, Target
from steerbench.errors import UserError
from steerbench.testing import check_method, toy_engine
from steerbench.testing.toy_model import WIDTHS


def push(amount: float) -> Steering:
    return Steering((Add("resid", 1, np.full(WIDTHS["resid"], amount, np.float32)),))


class Right:
    """Pushes by a number made of the target's id."""

    name = "right"
    needs_model: bool = True
    strengths = (0.0, 4.0)

    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return [push(len(target.id) / 100) for target in targets]


class TooFew(Right):
    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return list(super().fit(engine, targets))[1:]


class ByItsNeighbours(Right):
    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return [push(len(targets)) for _ in targets]


class Unseeded(Right):
    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return [push(np.random.normal()) for _ in targets]


class OneArray(Right):
    """Writes every target's vector into the same array."""

    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        vector, found = np.zeros(WIDTHS["resid"], np.float32), []
        for target in targets:
            vector[:] = len(target.shown) if isinstance(target, Respondent) else 2 + target.high
            found.append(Steering((Add("resid", 1, vector),)))
        return found


class NotANumber(Right):
    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return [push(np.nan) for _ in targets]


class WithoutEdits(Right):
    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering(prompt=PromptChange("You are tall.")) for _ in targets]


class WrongWidth(Right):
    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering((Add("head_out", 1, np.ones(3, np.float32)),)) for _ in targets]


class EndlessFact(Right):
    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering(push(1).edits, facts={"score": float("inf")}) for _ in targets]


class Crashing(Right):
    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        raise KeyError("E")


class Refusing(Right):
    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        raise UserError("I fit robots only.")


class Speechless(Right):
    needs_model = False
    strengths = (1.0, 1.0)

    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        assert engine is None
        return [Steering() for _ in targets]


class OffTheScale(Speechless):
    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering(reply=Reply(constant=6.0)) for _ in targets]


class Fickle(Right):
    """A control that answers by chance."""

    def reveal(self, targets: Sequence[Target], answers: dict[str, dict[Item, Any]]) -> Sequence[Steering]:
        return [push(np.random.default_rng().normal()) for _ in targets]


def test_a_method_that_is_right_passes_as_class_and_as_instance() -> None:
    check_method(Right)
    check_method(Right())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (TooFew, "`fit` of 3 targets gave ['Steering', 'Steering']; give one Steering each"),
        (ByItsNeighbours, "the steering of 'person-0' depends on who else is fitted"),
        (Unseeded, "`fit` gives another steering the second time"),
        (OneArray, "the steering of 'extraversion-' depends on who else is fitted"),
        (NotANumber, "the steering adds numbers at resid of layer 1 that are infinite or nan"),
        (WithoutEdits, "its `strengths` are (0.0, 4.0), but no fit has an edit to make stronger"),
        (WrongWidth, "asking under the fitted steerings raised UserError: The steering adds 3 numbers"),
        (EndlessFact, "the facts of 'person-0' have to be finite numbers, but hold {'score': inf}"),
        (Crashing, "`fit` of people raised KeyError: 'E'"),
        (Refusing, "it can be fitted to nobody: people (I fit robots only.) poles (I fit robots only.)"),
        (Speechless, "it needs no model, but the steering of 'person-0' has no `reply`"),
        (OffTheScale, "for 'person-0' is 6.0; a tick is a number from 1 to 5"),
        (Fickle, "`reveal` gives other steerings the second time"),
    ],
)
def test_what_is_wrong_with_a_method_is_said(wrong: type, said: str) -> None:
    with pytest.raises(AssertionError) as raised:
        check_method(wrong)
    assert f"The method {wrong.__name__} does not keep its contract:\n- " in str(raised.value)
    assert said in str(raised.value)


def test_everything_that_is_wrong_is_listed_at_once() -> None:
    class Twice(EndlessFact):
        def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
            return [Steering(push(len(targets)).edits, facts={"score": float("nan")}) for _ in targets]

    with pytest.raises(AssertionError, match=r"finite numbers[^$]*depends on who else"):
        check_method(Twice)


def test_an_engine_of_ones_own_is_what_a_method_is_fitted_on() -> None:
    seen = []

    class Looking(Right):
        def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
            seen.append(engine)
            return super().fit(engine, targets)

    engine = toy_engine(seed=3)
    check_method(Looking, engine=engine)
    assert seen
    assert all(one is engine for one in seen)
