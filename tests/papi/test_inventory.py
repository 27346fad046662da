"""Norms: what is known of people in general, never of the person asked about."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerbench.targets import Item
from tasks.papi.inventory import Inventory, Person, norms

ITEMS = tuple(Item(str(n), "Sing.", "You sing.", "O", "Song", 1) for n in range(3))


def inventory(rows: list[list[int]], limit: int | None = None) -> Inventory:
    people = tuple(Person(f"p{n}", dict(zip("012", row, strict=True))) for n, row in enumerate(rows))
    return Inventory("tested", "", ITEMS, ("0", "1"), ("2",), people[:limit], people)


@given(st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=2, max_size=9), st.data())
def test_norms_are_the_medians_of_the_others_who_answered(rows: list[list[int]], data: st.DataObject) -> None:
    who = data.draw(st.integers(0, len(rows) - 1))
    expected = {}
    for column in range(3):
        others = [row[column] for n, row in enumerate(rows) if n != who and row[column] != 0]
        if others:
            expected[str(column)] = float(statistics.median(others))
    assert norms(inventory(rows), f"p{who}") == expected


def test_norms_do_not_change_with_the_persons_own_answers_nor_with_the_limit() -> None:
    rows = [[1, 5, 3], [2, 4, 3], [5, 5, 1], [4, 1, 2]]
    kept = norms(inventory(rows), "p0")
    assert norms(inventory([[5, 1, 0], *rows[1:]]), "p0") == kept
    assert norms(inventory(rows, limit=1), "p0") == kept == {"0": 4.0, "1": 4.0, "2": 2.0}


def test_there_are_no_norms_for_a_stranger() -> None:
    with pytest.raises(KeyError):
        norms(inventory([[1, 2, 3]]), "stranger")
