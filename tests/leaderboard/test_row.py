"""How a row stands beside the others of its run: its words, its phrase, and how it is drawn."""

import pytest

from leaderboard.bands import ceiling, dashed, to_clear
from leaderboard.phrases import said_once
from leaderboard.row import rows_of, settings_of, verdict
from tests.leaderboard.made_up import ROLES, comparison, method, run

ALL = ("unsteered", "random-direction", "always-3", "trait-mean")


def row_of(made, name="pas", **others):
    rows = {"pas": made, **others}
    return next(row for row in rows_of(run("one", rows)) if row.name == name)


def beating(*beaten, worse=()):
    """A method that beats these rows of `ALL`, loses to those that are worse for it, and is near the rest."""
    return method(
        2.0,
        against=ALL,
        p={name: 0.001 if name in (*beaten, *worse) else 0.4 for name in ALL},
        difference={name: 1.0 if name in worse else -1.0 for name in ALL},
    )


@pytest.mark.parametrize(
    ("made", "kind", "said"),
    [
        (beating(*ALL), "better", "beats the reference"),
        (beating("unsteered", "random-direction", "always-3"), "partly", "beats constants"),
        (beating("unsteered", "random-direction"), "partly", "moves the model"),
        (beating("unsteered"), "same", "not shown to move the model"),
        (beating(), "same", "not shown to move the model"),
        (
            beating("unsteered", "random-direction", worse=("trait-mean",)),
            "same",
            "moves the model; worse than trait-mean",
        ),
        (
            beating("unsteered", "random-direction", worse=("always-3", "trait-mean")),
            "same",
            "moves the model; worse than always-3 and 1 more",
        ),
        (beating("always-3"), "same", "beats constants; not shown to move the model"),
        (method(2.0, against=("always-3",)), "better", "beats constants"),
        (method(2.0, against=("always-3",), p=0.2), "unknown", "not better than always-3"),
    ],
)
def test_a_row_is_greyed_only_if_it_does_not_move_the_model_or_is_worse_than_some_row(made, kind, said):
    row = row_of(made)
    assert (row.kind, row.phrase) == (kind, said)


@pytest.mark.parametrize(
    ("made", "said", "words"),
    [
        (method(2.0, strengths={"a": 0.0, "b": 0.0}), "off", "off: calibration chose strength 0 for every target"),
        (method(2.0, cannot_tell="copy reads nobody"), "cannot tell", "cannot tell: copy reads nobody"),
        (method(2.0, against=()), "not tested", "not tested: no row to compare with"),
    ],
)
def test_what_can_say_nothing_of_a_method_leaves_it_open(made, said, words):
    row = row_of(made)
    assert (row.kind, row.phrase, row.standing) == ("unknown", said, words)


@pytest.mark.parametrize(
    ("p", "difference", "kind", "said", "words"),
    [
        (0.4, 0.1, "kept", "no loss found", "no loss found (one of 0.4 would be, four times in five)"),
        (0.001, -1.0, "kept", "no loss found", "no loss found (one of 0.4 would be, four times in five)"),
        (0.001, 1.0, "lost", "worse than unsteered", "worse than unsteered"),
    ],
)
def test_where_cost_is_measured_no_loss_is_the_good_news_with_the_loss_that_would_be_found(
    p, difference, kind, said, words
):
    row = row_of(method(0.5, p=p, difference=difference, against=("unsteered",), measures_cost=True))
    assert (row.kind, row.phrase, row.standing) == (kind, said, words)


def test_better_goes_by_p_and_worse_by_p_after_holm():
    test = comparison("always-3", -1.0, 0.03).model_copy(update={"p_holm": 0.2})
    assert verdict(test) == "better than"
    assert verdict(test.model_copy(update={"difference": 1.0})) == "not significantly different from"
    assert verdict(test.model_copy(update={"difference": 1.0, "p_holm": 0.04})) == "worse than"


def test_a_row_that_is_no_method_is_called_by_its_role_unless_its_name_says_it():
    others = {name: method(3.0, role) for name, role in ROLES.items()}
    labels = {row.name: row.label for row in rows_of(run("one", {"pas": method(2.0), **others}))}
    assert labels == {
        "pas": "",
        "unsteered": "",
        "random-direction": "placebo",
        "always-3": "constant",
        "trait-mean": "reference",
        "ceiling": "",
        "copy": "control",
    }
    assert row_of(method(2.0), "trait-mean", **others).kind == "beside"


def test_the_lines_of_a_drawing_are_the_best_constant_and_the_ceiling():
    others = {
        "ceiling": method(1.0, "ceiling"),
        "trait-mean": method(1.5, "reference"),
        "always-3": method(3.0, "constant"),
        "always-4": method(5.0, "constant"),
        "unsteered": method(2.5, "unsteered"),
    }
    rows = rows_of(run("one", others | {"pas": method(2.0)}))
    assert (to_clear(rows).name, ceiling(rows).name, dashed(rows)) == ("always-3", "ceiling", "the best constant")
    plain = [row for row in rows if row.result.role in (None, "unsteered")]
    assert (to_clear(plain).name, ceiling(plain), dashed(plain)) == ("unsteered", None, "the unsteered model")
    assert (to_clear([]), dashed([])) == (None, "")


def test_the_strength_of_a_row_is_the_median_and_none_where_nothing_was_chosen():
    row = row_of(method(2.0, strengths={"a": 0.0, "b": 3.0, "c": 4.0}))
    assert (row.strength, row.result.steered) == (3.0, "2/3")
    assert row_of(method(2.0), "unsteered").strength is None


def test_what_keeps_all_methods_from_being_judged_is_said_once():
    why = {"cannot_tell": "copy reads nobody"}
    off = method(2.0, strengths={"a": 0.0})
    assert said_once([method(2.0, **why), off, method(4.0, "unsteered")]) == "cannot tell: copy reads nobody"
    assert said_once([method(2.0, **why), method(2.0)]) == ""
    assert said_once([off]) == ""
    assert said_once([]) == ""


def test_the_settings_of_a_task_leave_out_its_dataset():
    made = run("one")
    plan = made.plan.model_copy(update={"task_parameters": {"limit": 5, "dataset": "sample"}})
    assert settings_of(made.model_copy(update={"plan": plan})) == "limit=5"
    assert settings_of(made) == "usual settings"
