"""The sentence that a run ends with."""

import pytest

from steerbench.cli.conclusion import conclusion, next_steps
from steerbench.records.results import ComparisonRecord, MethodResult, MetricRecord
from steerbench.records.standing import standing_of
from tests.cli.test_table import RESULT

ROLES = {"unsteered": "unsteered", "random-direction": "placebo"}


def board(p_unsteered=0.2, p_random=0.2, cannot_tell="", strengths=(1.0,), control=True, model=None):
    def row(role=None):
        tested = [
            ComparisonRecord(against="unsteered", difference=-1.0, p=p_unsteered, p_holm=p_unsteered, n=300),
            ComparisonRecord(against="random-direction", difference=-1.0, p=p_random, p_holm=p_random, n=300),
        ]
        chosen = {str(place): strength for place, strength in enumerate(strengths)}
        return MethodResult(
            role=role, standing=None if role else standing_of(tested, ROLES, chosen, cannot_tell),
            settings={}, metrics={"error": MetricRecord(value=1.0)}, comparisons=[] if role else tested, flags=[],
            items=9, unscored=0, strengths=chosen, wordings={}, generated_tokens=0,
        )  # fmt: skip

    rows = {"pas": row(), "unsteered": row("unsteered"), "random-direction": row("placebo")}
    rows |= {"copy": row("control")} if control else {}
    plan = RESULT.plan.model_copy(update={"model": model})
    return RESULT.model_copy(update={"methods": rows, "controls": ["copy"], "plan": plan})


def test_a_method_that_beats_the_model_as_it_is_and_the_placebo_moves_the_model():
    said = conclusion(board(0.01, 0.02))
    assert "The control (copy) is detected" in said
    assert "pas moves the model" in said


@pytest.mark.parametrize(("p", "rest"), [((0.2, 0.01), "unsteered."), ((0.2, 0.2), "unsteered or random-direction.")])
def test_one_that_does_not_beat_the_unsteered_model_does_nothing_that_can_be_seen(p, rest):
    assert f"pas has no effect that this board can detect: it is not significantly better than {rest}" in conclusion(
        board(*p)
    )


def test_one_that_beats_the_unsteered_model_and_not_the_placebo_may_owe_it_to_any_edit():
    said = conclusion(board(0.01, 0.2))
    assert "pas is better than unsteered, but not better than random-direction, a random edit of the same size" in said


def test_what_cannot_be_told_is_not_called_nothing():
    said = conclusion(board(cannot_tell="the readout is saturated"))
    assert "pas: cannot tell: the readout is saturated." in said
    assert "is detected" not in said
    off = conclusion(board(strengths=(0.0,)))
    assert "pas: off" in off
    assert "is detected" not in off


def test_a_board_without_its_control_says_what_to_add():
    assert "add copy to --method" in conclusion(board(control=False))


def test_on_the_model_for_trying_out_it_names_the_next_one_and_on_another_it_does_not():
    steps = next_steps(board())
    assert "--model qwen2.5-coder-1.5b" in "\n".join(steps)
    assert "  steerbench model fetch qwen2.5-coder-1.5b" in steps
    assert next_steps(board(model="qwen2.5-coder-1.5b")) == []


def test_a_board_that_tests_nothing_says_nothing():
    rows = {name: row for name, row in board().methods.items() if row.role}
    assert conclusion(RESULT.model_copy(update={"methods": rows})) == ""
