"""Plans: what becomes a row, what a run's identity depends on, how a wrong name or value is told."""

import re

import pytest
from pydantic import ValidationError

from steerbench.contracts.targets import Respondent
from steerbench.errors import UserError
from steerbench.plugins.composed import build_method
from steerbench.records.plan import Plan, build_rows, build_task, differences, identify

CODE = {"harness": {"distribution": "steerbench", "version": "0.1.0", "sha256": "s"}}
PLAN = Plan(methods=("toy-push", "toy-push+toy-words"), task="toy", model="toy-model", engine="toy")


def rows_of(plan):
    return build_rows(plan, build_task(plan))


def identity_of(plan, engine=None, task=None):
    return identify(plan, rows_of(plan), engine or {"weights": "w"}, task or {"dataset": "d"}, CODE)


def test_a_plan_is_the_same_after_a_round_trip_through_json():
    plan = PLAN.model_copy(update={"method_parameters": {"toy-push": {"size": 0.25}}})
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_a_plan_of_no_method_or_a_budget_that_chooses_nothing_is_refused():
    with pytest.raises(ValidationError):
        Plan(methods=(), task="toy")
    with pytest.raises(ValidationError):
        Plan(methods=("a",), task="toy", budget=1)


def test_trivial_rows_follow_the_methods_asked_for_and_the_random_one_is_matched_to_the_first_with_a_strength():
    rows = rows_of(PLAN.model_copy(update={"methods": ("toy-words", "toy-push", "toy-silent")}))
    assert [(row.name, row.trivial) for row in rows] == [
        ("toy-words", False),
        ("toy-push", False),
        ("toy-silent", True),
        ("toy-three", True),
        ("toy-random", True),
    ]
    assert rows[-1].settings["toy-random"]["of"] == "toy-push"


def test_a_matched_row_is_matched_to_the_method_as_the_plan_sets_it():
    rows = rows_of(PLAN.model_copy(update={"method_parameters": {"toy-push": {"size": 0.25}}}))
    assert rows[-1].settings["toy-random"]["parameters"]["size"] == 0.25


def test_no_random_direction_without_a_method_that_has_a_strength():
    assert "toy-random" not in [row.name for row in rows_of(PLAN.model_copy(update={"methods": ("toy-words",)}))]


def test_trivial_rows_can_be_left_out():
    rows = rows_of(PLAN.model_copy(update={"trivial": False}))
    assert [row.name for row in rows] == ["toy-push", "toy-push+toy-words"]


def test_trivial_rows_that_need_a_model_come_only_if_one_is_named_or_needed_anyway():
    plan = Plan(methods=("toy-three",), task="toy")
    assert [row.name for row in rows_of(plan)] == ["toy-three"]
    assert "toy-silent" in [row.name for row in rows_of(plan.model_copy(update={"model": "toy-model"}))]
    assert "toy-silent" in [row.name for row in rows_of(plan.model_copy(update={"methods": ("toy-words",)}))]


def test_the_same_plan_has_the_same_identity_and_where_the_model_lies_is_no_part_of_it():
    moved = PLAN.model_copy(update={"model": "/elsewhere/toy-model", "chat_template": "t.jinja"})
    assert identity_of(PLAN) == identity_of(moved)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"budget": 9},
        {"protocol": "published"},
        {"calibration": "grid"},
        {"methods": ("toy-push",)},
        {"trivial": False},
        {"method_parameters": {"toy-push": {"size": 0.25}}},
    ],
)
def test_whatever_can_change_a_number_changes_the_identity(change):
    assert identity_of(PLAN.model_copy(update=change)).digest != identity_of(PLAN).digest


def test_another_model_or_dataset_is_another_identity_and_the_difference_is_told():
    first = identity_of(PLAN)
    model, data = identity_of(PLAN, engine={"weights": "v"}), identity_of(PLAN, task={"dataset": "e"})
    assert len({first.digest, model.digest, data.digest}) == 3
    assert differences(first.fields, model.fields) == ['engine.weights was "w" and is now "v"']
    assert differences(first.fields, first.fields) == []


def test_a_parameter_given_at_its_default_is_the_same_run():
    explicit = PLAN.model_copy(update={"method_parameters": {"toy-push": {"size": 0.5}}})
    assert identity_of(explicit).digest == identity_of(PLAN).digest


def test_a_composed_method_adds_its_parts_and_has_the_range_of_the_one_that_has_one():
    method = build_method("toy-words+toy-push", {"toy-push": {"size": 2.0}})
    (steering,) = method.fit(None, [Respondent("p0", ())])
    assert method.strengths == (0.0, 8.0)
    assert method.needs_model
    assert steering.prompt.system == "You are p0"
    assert steering.edits[0].vector[0] > 0


@pytest.mark.parametrize(
    ("spec", "parameters", "sentence"),
    [
        ("toy-psh", {}, "There is no method 'toy-psh'; did you mean 'toy-push'"),
        ("toy-push+", {}, "'toy-push+' is no method: write one name, or several joined by '+'."),
        (
            "toy-push",
            {"toy-push": {"sise": 1}},
            "no parameter of the method 'toy-push' called 'sise'; did you mean 'size'",
        ),
        ("toy-push", {"toy-push": {"size": "big"}}, "toy-push.size cannot be 'big': input should be a valid number"),
        (
            "toy-push",
            {"toy-push": {"variant": "x"}},
            "toy-push.variant cannot be 'x': input should be 'plain' or 'published'.",
        ),
    ],
)
def test_a_wrong_name_or_value_is_told_in_one_sentence(spec, parameters, sentence):
    with pytest.raises(UserError, match=re.escape(sentence)):
        build_method(spec, parameters)


def test_parameters_of_a_method_that_is_not_in_the_plan_are_refused():
    with pytest.raises(UserError, match="called 'toy-pull'; did you mean 'toy-push'"):
        rows_of(PLAN.model_copy(update={"method_parameters": {"toy-pull": {"size": 1}}}))


def test_a_task_judges_its_own_parameters():
    with pytest.raises(UserError, match="needs respondents"):
        build_task(PLAN.model_copy(update={"task_parameters": {"respondents": 0}}))
    with pytest.raises(UserError, match="called 'readuot'; did you mean 'readout'"):
        build_task(PLAN.model_copy(update={"task_parameters": {"readuot": "label"}}))
