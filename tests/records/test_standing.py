"""What a row's tests say of it: every state, and which p decides what."""

import math

import pytest

from steerbench.contracts import Comparison
from steerbench.records.standing import standing_of

ROLES = {"always-3": "constant", "trait-mean": "reference", "unsteered": "unsteered", "random-direction": "placebo"}
ROLES |= {"ceiling": "ceiling"}


def against(name, difference=-1.0, p=0.001, p_holm=None, n=12, smallest=0.5):
    return Comparison(name, difference, p, p if p_holm is None else p_holm, n=n, smallest=smallest)


def standing(*changed, strengths=None, **asked):
    tests = {name: against(name) for name in ROLES if name != "ceiling"} | {one.against: one for one in changed}
    return standing_of(list(tests.values()), ROLES, strengths or {"a": 2.0, "b": 0.0}, over="people", **asked)


def test_what_beats_everything_beats_each_kind_and_is_shown():
    found = standing()
    assert (found.state, found.moves, found.constants, found.reference) == ("tested", True, True, True)
    assert found.words == "beats the reference; beats constants; moves the model"
    assert found.shown
    assert (found.steered, found.targets) == (1, 2)


def test_beating_all_needs_each_raw_p_and_no_correction():
    # Six people: the smallest p there is, .03125, which Holm's correction over nine rows would put out of reach.
    found = standing(against("always-3", p=0.03125, p_holm=0.28))
    assert found.constants
    assert found.not_better == []


def test_being_worse_than_one_of_several_is_corrected():
    unsure, sure = against("always-3", 0.5, p=0.03, p_holm=0.09), against("always-3", 0.5, p=0.01, p_holm=0.04)
    assert standing(unsure).worse == []
    assert "not better than always-3" in standing(unsure).words
    assert standing(sure).worse == ["always-3"]
    assert standing(sure).words == "worse than always-3; beats the reference; moves the model"
    assert not standing(sure).shown


@pytest.mark.parametrize("name", ["unsteered", "random-direction"])
def test_what_does_not_beat_both_unsteered_and_placebo_moves_nothing(name):
    found = standing(against(name, p=0.4))
    assert found.moves is False
    assert found.words == f"beats the reference; beats constants; not better than {name}"


def test_a_row_that_is_not_there_leaves_its_question_open():
    found = standing_of([against("always-3")], ROLES, {"a": 1.0})
    assert (found.moves, found.constants, found.reference) == (None, True, None)


def test_calibration_that_chose_nothing_for_anybody_is_off():
    found = standing(strengths={"a": 0.0, "b": 0.0})
    assert found.state == "off"
    assert found.words == "off: calibration chose strength 0 for every target"


def test_five_people_can_show_nothing_and_the_standing_says_nothing_else():
    few = [against(name, n=5) for name in ("always-3", "trait-mean", "unsteered", "random-direction")]
    found = standing(*few)
    assert (found.state, found.worse, found.not_better) == ("too few", [], [])
    assert found.words == "too few people for any difference to be significant"


def test_a_board_that_cannot_read_judges_no_method():
    found = standing(cannot_tell="the control fails")
    assert (found.state, found.words, found.shown) == ("cannot tell", "cannot tell: the control fails", False)


def test_a_doubt_is_said_of_what_was_not_shown_and_only_added_to_what_was():
    doubted = standing(against("random-direction", p=0.4), doubt="no words are followed")
    assert (doubted.state, doubted.words) == ("cannot tell", "cannot tell: no words are followed")
    shown = standing(doubt="no words are followed")
    assert (shown.state, shown.moves, shown.shown) == ("tested", True, True)
    assert shown.words == "beats the reference; beats constants; moves the model, though no words are followed"
    assert standing(cannot_tell="the control fails", doubt="no words").words == "cannot tell: the control fails"


def test_a_doubt_stands_where_a_method_was_held_against_no_placebo():
    found = standing_of([against("unsteered")], ROLES, {"a": 1.0}, doubt="no words are followed")
    assert found.state == "cannot tell"


def test_without_a_row_to_compare_with_nothing_is_tested():
    assert standing_of([against("some other method")], ROLES, {"a": 1.0}).state == "not tested"


def test_no_loss_is_said_with_the_loss_that_would_have_been_found():
    plain = against("unsteered", 0.02, p=0.6, smallest=0.1234)
    found = standing_of([plain], {"unsteered": "unsteered"}, {"a": 1.0}, measures_cost=True)
    assert found.words == "no loss found (one of 0.12 would be, four times in five)"
    assert found.shown
    lost = standing_of([against("unsteered", 0.5, p=0.01)], {"unsteered": "unsteered"}, {"a": 1.0}, measures_cost=True)
    assert lost.words == "worse than unsteered"
    assert not lost.shown


def test_a_difference_that_could_not_be_had_is_no_better():
    found = standing(against("always-3", math.nan, p=1.0))
    assert found.not_better == ["always-3"]
