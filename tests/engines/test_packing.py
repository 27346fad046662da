"""Trees of options, groups and rows, against what each option's own sequence says."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from steerbench.engines.branches import Branch, branch, common_prefix, group, packed, unpacked
from steerbench.engines.hf.packing import pack

FEW = st.integers(0, 2)
"""Few kinds of token, so that prompts and options share beginnings."""

SEQUENCE = st.lists(FEW, min_size=1, max_size=6)
REQUEST = st.tuples(st.lists(FEW, min_size=1, max_size=12), st.lists(SEQUENCE, max_size=4))
KEYED = st.lists(st.tuples(REQUEST, FEW), min_size=1, max_size=12)


def branches_of(requests: list[tuple[list[int], list[list[int]]]], last: bool) -> list[Branch]:
    return [branch(packed(prompt), options, last) for prompt, options in requests]


def sequence_to(one: Branch, place: int) -> list[int]:
    """Places from the first token to `place`, by the parents."""
    places = [place]
    while places[0] >= one.prompt_length:
        places.insert(0, one.parents[places[0] - one.prompt_length])
    return list(range(places[0])) + places


@given(REQUEST)
def test_following_parents_from_an_options_end_reads_prompt_and_option(
    request: tuple[list[int], list[list[int]]],
) -> None:
    prompt, options = request
    one = branch(packed(prompt), options)
    for end, option in zip(one.ends, options or [[]], strict=True):
        assert [one.tokens()[place] for place in sequence_to(one, end)] == prompt + option


@given(REQUEST)
def test_no_option_beginning_is_stored_twice(request: tuple[list[int], list[list[int]]]) -> None:
    prompt, options = request
    for last in (True, False):
        beginnings = {tuple(o[:n]) for o in options for n in range(1, len(o) + last)}
        assert len(branch(packed(prompt), options, last)) == len(prompt) + len(beginnings)


@given(REQUEST)
def test_every_token_of_an_option_is_scored_after_the_sequence_before_it(
    request: tuple[list[int], list[list[int]]],
) -> None:
    prompt, options = request
    one = branch(packed(prompt), options, last=False)
    for option, pairs in zip(options, one.scored, strict=False):
        assert [token for _, token in pairs] == option
        for number, (place, _) in enumerate(pairs):
            assert [one.tokens()[p] for p in sequence_to(one, place)] == prompt + option[:number]


@given(REQUEST, st.data())
def test_a_token_sees_its_own_sequence_and_stands_at_its_depth(
    request: tuple[list[int], list[list[int]]], data: st.DataObject
) -> None:
    prompt, options = request
    one = branch(packed(prompt), options)
    start = data.draw(st.integers(0, len(prompt) - 1))
    for token in range(start, len(one)):
        path = sequence_to(one, token)
        assert one.depths(start)[token - start] == len(path) - 1
        assert np.flatnonzero(one.visible(start)[token - start]).tolist() == [p - start for p in path if p >= start]


@given(st.lists(st.integers(0, 2**31)))
def test_packed_ids_come_back_and_sort_as_they_do(ids: list[int]) -> None:
    assert unpacked(packed(ids)).tolist() == ids
    assert (packed(ids) < packed([300])) == (ids < [300])


@given(SEQUENCE, SEQUENCE, st.integers(0, 8))
def test_a_common_prefix_is_as_long_as_tokens_agree(a: list[int], b: list[int], limit: int) -> None:
    agree = 0
    while agree < min(limit, len(a), len(b)) and a[agree] == b[agree]:
        agree += 1
    assert common_prefix(packed(a), packed(b), limit) == agree


@given(KEYED)
def test_every_request_is_in_one_group_of_its_key_and_keeps_a_prompt_token_to_itself(keyed) -> None:
    requests, keys = zip(*keyed, strict=True)
    branches = branches_of(requests, last=True)
    groups = group(branches, keys)
    assert sorted(m for g in groups for m in g.members) == list(range(len(branches)))
    for one in groups:
        assert {keys[m] for m in one.members} == {one.key}
        assert len({tuple(requests[m][0][: one.shared]) for m in one.members}) == 1
        assert all(one.shared < len(requests[m][0]) for m in one.members)
        assert one.shared == 0 or len(one.members) > 1


@given(KEYED)
def test_groups_do_not_cost_more_than_no_groups(keyed) -> None:
    requests, keys = zip(*keyed, strict=True)
    branches = branches_of(requests, last=True)
    grouped = sum(g.shared + sum(len(branches[m]) - g.shared for m in g.members) for g in group(branches, keys))
    assert grouped <= sum(map(len, branches))


def test_requests_that_differ_in_their_last_words_only_share_the_rest() -> None:
    prompts = [[9] * 50 + [n, n] for n in range(10)] + [[8] * 40]
    groups = group([branch(packed(p), ()) for p in prompts], ["same"] * 11)
    assert sorted((g.shared, len(g.members)) for g in groups) == [(0, 1), (50, 10)]


@given(st.lists(REQUEST, min_size=1, max_size=40))
def test_rows_hold_every_request_where_it_is_said_to_be_and_keep_them_apart(requests) -> None:
    branches = branches_of(requests, last=True)
    for one in group(branches, [0] * len(branches)):
        rows = pack(one, branches)
        owner = np.full(rows.tokens.shape, -1)
        for member in one.members:
            mine, place = branches[member], rows.placed[member]
            columns = [place.at(t) for t in range(one.shared, len(mine))]
            assert [rows.tokens[c] for c in columns] == mine.tokens()[one.shared :].tolist()
            assert [rows.positions[c] for c in columns] == mine.depths()[one.shared :].tolist()
            assert [rows.after[c] for c in columns] == [
                max(d - mine.prompt_length + 1, 0) for d in mine.depths(one.shared)
            ]
            assert all(after[1] == before[1] + 1 and after[0] == before[0] for before, after in pairwise(columns))
            assert all(owner[c] == -1 for c in columns)
            owner[tuple(zip(*columns, strict=True))] = member
            within = rows.visible[place.row][np.ix_([c[1] for c in columns], [c[1] for c in columns])]
            assert np.array_equal(within, mine.visible(one.shared))
        others = owner[:, :, None] != owner[:, None, :]
        assert not (rows.visible & others).any()
        padding = owner == -1
        itself = np.eye(rows.tokens.shape[1], dtype=bool)
        assert np.array_equal(rows.visible[padding], np.broadcast_to(itself, rows.visible.shape)[padding])
