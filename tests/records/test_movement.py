"""How many items a steering moved, and how many the wrong way: counted by hand, and simulated."""

import numpy as np
import pytest

from steerbench.contracts import Score, Scored
from steerbench.records.movement import movement_of

ROLES = {"unsteered": "unsteered", "random-direction": "placebo", "always-3": "constant"}


def row(losses):
    """Of {target: its items' losses}; None is an answer that could not be scored."""
    return [
        Scored(target, f"i{place}", Score(loss, unscored="" if loss is not None else "unreadable"))
        for target, of_target in losses.items()
        for place, loss in enumerate(of_target)
    ]


UNSTEERED = {"a": [1.0, 2.0, 0.0, 3.0], "b": [1.0, 1.0, None, 1.0]}
STEERED = {"a": [0.0, 2.0, 1.0, None], "b": [2.0, 2.0, 1.0, 1.0]}


def test_items_are_counted_where_both_were_scored():
    found = movement_of("pas", ROLES, {"unsteered": row(UNSTEERED), "pas": row(STEERED)}, "people")
    # a: better, same, worse; b: worse, worse, same.
    assert found.moved.value == pytest.approx(4 / 6)
    assert found.against.value == pytest.approx(3 / 6)
    assert found.moved.n == found.against.n == 2


def test_the_unit_is_an_item_where_intervals_are_over_items():
    found = movement_of("pas", ROLES, {"unsteered": row(UNSTEERED), "pas": row(STEERED)}, "questions")
    assert found.against.value == pytest.approx(3 / 6)
    assert found.against.n == 4


@pytest.mark.parametrize("name", ["unsteered", "always-3"])
def test_rows_that_steer_nothing_have_none(name):
    assert movement_of(name, ROLES, {"unsteered": row(UNSTEERED), name: row(STEERED)}, "people") is None


def test_nothing_is_said_without_an_unsteered_row_or_a_shared_item():
    assert movement_of("pas", ROLES, {"pas": row(STEERED)}, "people") is None
    nothing = {"unsteered": row({"a": [None]}), "pas": row({"a": [1.0]})}
    assert movement_of("pas", ROLES, nothing, "people") is None


def drawn(rng, wrong):
    """40 people with 30 items each, all of which move, `wrong` of them the wrong way."""
    before = {str(person): list(rng.integers(1, 4, 30).astype(float)) for person in range(40)}
    after = {who: [loss + rng.choice([-1, 1], p=[1 - wrong, wrong]) for loss in of] for who, of in before.items()}
    return movement_of("pas", ROLES, {"unsteered": row(before), "pas": row(after)}, "people").against


def test_a_steering_without_aim_moves_half_the_wrong_way_and_its_interval_says_so():
    rng = np.random.default_rng(0)
    found = [drawn(rng, wrong=0.5) for _ in range(200)]
    assert np.mean([one.low <= 0.5 <= one.high for one in found]) > 0.91


def test_one_with_aim_is_told_from_it():
    rng = np.random.default_rng(0)
    assert all(drawn(rng, wrong=0.3).high < 0.5 for _ in range(50))
