"""What a method hands over is checked before anything is saved or run, and the sentence says whose it is."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from steerbench.contracts.edits import Add, Boost, Cap, Edit, Positions
from steerbench.contracts.steering import Steering
from steerbench.contracts.steering_rules import fault
from steerbench.contracts.targets import target_named
from steerbench.errors import UserError
from steerbench.plugins.composed import Composed, fit

ONES, TWO = np.ones(4, np.float32), np.array([0, 3])
WHERE = "at resid of layer 2"
DECODE = Positions("decode")


@dataclass
class Handing:
    """A method that hands over this edit for extraversion, and a sound one for all else."""

    edit: Any
    name: str = "theirs"
    needs_model: bool = True
    strengths: tuple[float, float] = (0.0, 1.0)

    def fit(self, engine: Any, targets: Any) -> list[Steering]:
        return [Steering((self.edit if pole.trait == "E" else Add("resid", 0, ONES),)) for pole in targets]


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (Add("resid", 2, ONES * np.float32("nan")), f"adds numbers {WHERE} that are infinite or nan"),
        (Add("resid", 2, np.array([1, np.inf], np.float32)), f"adds numbers {WHERE} that are infinite or nan"),
        (Add("resid", 2, np.ones(4)), f"has float64 as the vector {WHERE}; it takes an array of float32"),
        (Add("resid", 2, np.ones(4, bool)), f"has bool as the vector {WHERE}"),
        (Add("resid", 2, [1.0, 2.0]), f"has list as the vector {WHERE}"),
        (Add("resid", "2", ONES), "edits the layer '2'; a layer is a whole number"),
        (Add("resid", np.int64(2), ONES), "a layer is a whole number"),
        (Add("attn", 2, ONES), "edits the site 'attn'"),
        (Add("resid", 2, ONES, "all"), f"edits the positions all {WHERE}"),
        (Add("resid", 2, ONES, Positions("back")), f"edits the positions back {WHERE}"),
        (Add("resid", 2, ONES, strength=float("inf")), f"has the strength inf {WHERE}"),
        (Add("resid", 2, ONES, strength=True), f"has the strength True {WHERE}"),
        (Boost(2, TWO, ONES), "has 4 values for 2 neurons at mlp_act of layer 2"),
        (Boost(2, TWO.astype(np.float32), ONES[:2]), "has float32 as the neurons at mlp_act of layer 2"),
        (Boost(2, TWO, ONES[:2] * np.float32("nan"), DECODE), "by numbers that are infinite or nan"),
        (Cap(2, TWO, float("nan")), "has a cap of nan at mlp_act of layer 2"),
        (Cap(2, np.array([3, 3])), "edits a neuron twice at mlp_act of layer 2"),
        ("an edit", "holds a str, which is none of the edits Add, Cap, Boost, Project, Rotate, Clamp and LowRank"),
    ],
)
def test_a_wrong_edit_is_refused_where_it_is_fitted_with_the_name_of_its_method_and_target(
    edit: Any, sentence: str
) -> None:
    [sound, both] = (target_named(name) for name in ("N-", "neuroticism+extraversion-"))
    method, engine = Handing(edit), SimpleNamespace()
    assert len(fit(method, engine, [sound])) == 1  # type: ignore[arg-type]
    for whole in (method, Composed("theirs", (method, method))):
        with pytest.raises(UserError) as refused:
            fit(whole, engine, [sound, both])  # type: ignore[arg-type]
        assert str(refused.value).startswith("What 'theirs' fitted for 'extraversion-' cannot be used: the steering ")
        assert sentence in str(refused.value)


def test_numbers_that_overflow_only_at_a_strength_are_no_fault() -> None:
    edit = Add("resid", 0, ONES * np.float32(3e38), strength=1e30)
    assert fault(edit) is None


@pytest.mark.parametrize(
    "edit",
    [
        Cap(0, np.array([], np.int64)),
        Boost(0, np.array([9, 2, 5]), ONES[:3], DECODE, kept=0.5),
        Add("head_out", 9_999, np.ones((3, 4), np.float32), Positions("front", 3)),
        Add("mlp_act", 0, ONES, Positions("front", 300)),
        Add("resid", 0, ONES, strength=-2),
    ],
)
def test_what_engines_can_run_has_no_fault(edit: Edit) -> None:
    assert fault(edit) is None


def test_a_method_that_answers_without_a_model_is_part_of_none() -> None:
    silent = Handing(None, name="always", needs_model=False)
    with pytest.raises(UserError, match=r"'theirs\+always' cannot be composed: 'always' answers without a model\."):
        Composed("theirs+always", (Handing(None), silent))
