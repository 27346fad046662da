"""Who is in the tables: nobody shares a place with anybody, the longest unused go first, nothing is lost."""

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from steerbench.engines.vllm.lowering import Lowered
from steerbench.engines.vllm.schedule import SITES, Schedule, capacity
from steerbench.engines.vllm.slots import Placement, SlotBook
from steerbench.errors import UserError

ROWS = 6


def lowered(counts: dict[str, int]) -> Lowered:
    """A steering with so many rows by site."""
    rows = {site: {0: np.zeros((count, 2), np.float32)} for site, count in counts.items() if count}
    return Lowered(rows, {site: Schedule((), (0,), tuple(range(1, counts[site] + 1))) for site in rows})


class Book(RuleBasedStateMachine):
    """Steerings come into use and go out of it in any order; a plain model of the book says who must be there."""

    def __init__(self) -> None:
        super().__init__()
        self.book = SlotBook(ROWS)
        self.needs: dict[str, dict[str, int]] = {}
        self.users: dict[str, int] = {}
        self.places: OrderedDict[str, Placement] = OrderedDict()

    def fits(self, others: Any, counts: dict[str, int]) -> bool:
        if len(others) >= ROWS:
            return False
        return all(sum(self.needs[k][site] for k in others) + counts[site] <= capacity(site, ROWS) for site in SITES)

    @rule(key=st.sampled_from("abcdefghij"), counts=st.tuples(*(st.integers(0, capacity(site, 4)) for site in SITES)))
    def use(self, key: str, counts: tuple[int, ...]) -> None:
        if self.book.holds(key):
            found = self.book.use(key, None)
            assert found == (self.places[key].slot, None)
            self.places.move_to_end(key)
            self.users[key] += 1
            return
        needed = dict(zip(SITES, counts, strict=True))
        stay = list(self.places)
        # Whoever has gone unused longest makes room, and nobody more than has to.
        for old in list(self.places):
            if self.fits(stay, needed):
                break
            if not self.users[old]:
                stay.remove(old)
        found = self.book.use(key, lowered(needed))
        if not self.fits(stay, needed):
            assert found is None
            return
        assert found is not None
        slot, placement = found
        assert placement is not None
        assert placement.slot == slot
        self.places = OrderedDict((k, self.places[k]) for k in stay)
        self.users = {k: self.users[k] for k in stay} | {key: 1}
        self.places[key], self.needs[key] = placement, needed

    @precondition(lambda self: any(self.users.values()))
    @rule(data=st.data())
    def done_and_forgotten(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(key for key, count in self.users.items() if count)))
        self.book.done(key, keep=False)
        self.users[key] -= 1
        if not self.users[key]:
            del self.places[key], self.users[key]

    @rule(counts=st.tuples(*(st.integers(0, capacity(site, 4)) for site in SITES)))
    def who_has_to_go_are_the_longest_unused_and_no_more_than_it_takes(self, counts: tuple[int, ...]) -> None:
        needed, stay, leaving = dict(zip(SITES, counts, strict=True)), list(self.places), set()
        while not self.fits(stay, needed):
            leaving.add(stay.pop(0))
        assert self.book.leaving(lowered(needed)) == leaving

    @precondition(lambda self: any(self.users.values()))
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(key for key, count in self.users.items() if count)))
        self.book.done(key)
        self.users[key] -= 1

    @invariant()
    def nobody_shares_a_place_and_the_neutral_one_is_nobodys(self) -> None:
        assert {key for key in "abcdefghij" if self.book.holds(key)} == set(self.places)
        slots = [placement.slot for placement in self.places.values()]
        assert len(set(slots)) == len(slots)
        assert all(1 <= slot <= ROWS for slot in slots)
        for site in SITES:
            rows = [row for placement in self.places.values() for row in placement.rows.get(site, [])]
            assert len(set(rows)) == len(rows)
            assert all(1 <= row <= capacity(site, ROWS) for row in rows)

    @invariant()
    def everybody_has_the_rows_they_need_and_is_told_to_use_them(self) -> None:
        for key, placement in self.places.items():
            assert {site: len(placement.rows.get(site, [])) for site in SITES} == self.needs[key]
            for site, rows in placement.rows.items():
                assert placement.schedules[site] == ((), (0,), tuple(rows))


TestBook = Book.TestCase
TestBook.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.integers(1, ROWS), min_size=1, max_size=40))
def test_after_any_number_of_steerings_one_may_still_have_the_whole_table(sizes: list[int]) -> None:
    book = SlotBook(ROWS)
    for number, size in enumerate([*sizes, ROWS]):
        found = book.use(str(number), lowered({site: capacity(site, size) for site in SITES}))
        assert found is not None
        assert found[1] is not None
        assert sorted(found[1].rows) == sorted(SITES)
        book.done(str(number))
    for site, rows in found[1].rows.items():
        assert sorted(rows) == list(range(1, capacity(site, ROWS) + 1))


def test_what_everybody_uses_cannot_be_had_until_somebody_is_done() -> None:
    book = SlotBook(2)
    one = lowered(dict.fromkeys(SITES, 1))
    assert book.use("a", one) is not None
    assert book.use("b", one) is not None
    assert book.use("c", one) is None
    assert book.holds("a")
    book.done("a")
    assert book.use("c", one) is not None
    assert not book.holds("a")


def test_a_steering_with_more_rows_than_a_table_is_refused_in_a_sentence() -> None:
    with pytest.raises(UserError, match=r"needs 7 rows in a table of 6.*--param vllm\.rows=N"):
        SlotBook(ROWS).use("a", lowered({"head_out": 1, "mlp_cap": 0, "mlp_add": 7, "resid": 0}))
