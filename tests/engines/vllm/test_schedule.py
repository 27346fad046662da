"""Which row every token takes, against one token at a time in plain Python."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from steerbench.engines.vllm.schedule import NEUTRAL, SITES, Schedule, Schedules
from steerbench.engines.vllm.tables import positions_of

SLOTS = 5

row = st.integers(0, 9)
schedules = st.builds(
    Schedule,
    st.lists(row, max_size=6).map(tuple),
    st.lists(row, min_size=1, max_size=4).map(tuple),
    st.lists(row, min_size=1, max_size=7).map(tuple),
)
entries = st.lists(
    st.tuples(st.integers(1, SLOTS - 1), st.dictionaries(st.sampled_from(SITES), schedules)), min_size=1, max_size=8
)


def row_at(schedule: Schedule, position: int, prompt: int) -> int:
    if position >= prompt:
        return schedule.decode[position % len(schedule.decode)]
    if position < len(schedule.front):
        return schedule.front[position]
    return schedule.prompt[position % len(schedule.prompt)]


@given(entries, st.data())
def test_every_token_takes_the_row_of_its_position_in_its_own_request(
    put: list[tuple[int, dict[str, Schedule]]], data: st.DataObject
) -> None:
    """Slots are written over, and a request may stand anywhere in its sequence."""
    table, known = Schedules(SLOTS), {NEUTRAL: dict[str, Schedule]()}
    for slot, by_site in put:
        table.put(slot, by_site)
        known[slot] = by_site
    assert table.known == set(known)
    token = st.tuples(st.sampled_from(sorted(known)), st.integers(0, 200), st.integers(1, 100))
    tokens = data.draw(st.lists(token, min_size=1, max_size=30))
    slots, positions, prompts = (np.array(part) for part in zip(*tokens, strict=True))
    found = table.rows_of(slots, positions, prompts)
    for site, name in enumerate(SITES):
        expected = [row_at(known[slot].get(name, Schedule()), at, prompt) for slot, at, prompt in tokens]
        assert found[site].tolist() == expected


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 50)), min_size=1, max_size=9))
def test_positions_run_on_from_where_each_request_was(requests: list[tuple[int, int]]) -> None:
    counts, done = (np.array(part) for part in zip(*requests, strict=True))
    expected = [before + n for count, before in requests for n in range(count)]
    assert positions_of(counts, done).tolist() == expected


def test_a_schedule_of_a_steering_becomes_one_of_the_table() -> None:
    own = Schedule((1, 2, 1), (0,), (3, 0))
    assert own.mapped([0, 7, 4, 9]) == Schedule((7, 4, 7), (0,), (9, 0))
