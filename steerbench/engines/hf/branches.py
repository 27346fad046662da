"""A request as tokens: its prompt, then a tree of its options, so that what options share is computed once.

" Very Accurate" and " Very Inaccurate" after one prompt are one branch: the prompt's tokens, then the
node " Very" with two children. Requests under the same edits that start alike form a group, whose
common prefix is computed once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Branch:
    """One request's tokens.

    `tokens` holds the prompt, then the option nodes, parents before children; `parents[i]` is the place
    of the token before token i (-1 for the first). `ends` has the node each option ends in, unless only
    likelihoods are asked: then options' last tokens are not among the nodes. A pair (place, token) in
    `scored[option]` asks for the log-probability of the token after that place.
    """

    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    prompt_length: int
    ends: tuple[int, ...]
    scored: tuple[tuple[tuple[int, int], ...], ...]

    @cached_property
    def depths(self) -> NDArray[np.int64]:
        """Position of every token in its own sequence."""
        depths = np.zeros(len(self.tokens), dtype=np.int64)
        for place, parent in enumerate(self.parents):
            depths[place] = depths[parent] + 1 if parent >= 0 else 0
        return depths

    def visible(self, start: int) -> NDArray[np.bool_]:
        """[own, own]: whether token i may attend to token j, for the tokens from `start` on."""
        own, chain = len(self.tokens) - start, self.prompt_length - start
        visible = np.zeros((own, own), dtype=bool)
        visible[:chain, :chain] = np.tri(chain, dtype=bool)
        for node in range(chain, own):
            parent = self.parents[start + node] - start
            if parent >= 0:
                visible[node] = visible[parent]
            visible[node, node] = True
        return visible


def branch(prompt: Sequence[int], options: Sequence[Sequence[int]], last: bool = True) -> Branch:
    """Merge options into a tree of tokens under their prompt. No options: the prompt alone, ending in itself.

    `last=False` leaves out the last token of each option, which a likelihood predicts but never reads.
    """
    tokens, parents = list(prompt), list(range(-1, len(prompt) - 1))
    children: dict[tuple[int, int], int] = {}
    ends, scored = [], []
    for option in options or ((),):
        place, pairs = len(prompt) - 1, []
        for number, token in enumerate(option, start=1):
            if place >= 0:
                pairs.append((place, token))
            if number == len(option) and not last:
                break
            if (place, token) not in children:
                children[place, token] = len(tokens)
                tokens.append(token)
                parents.append(place)
            place = children[place, token]
        ends.append(place)
        scored.append(tuple(pairs))
    return Branch(tuple(tokens), tuple(parents), len(prompt), tuple(ends), tuple(scored))


@dataclass(frozen=True, eq=False)
class Group:
    """Branches under the same edits that share their first `shared` tokens. `members` are request indices."""

    key: object
    shared: int
    members: tuple[int, ...]


def group(branches: Sequence[Branch], keys: Sequence[object]) -> list[Group]:
    """Split requests into groups so that few tokens are computed, in a deterministic order.

    Sorted by their tokens, neighbours join a group while the prefix saved outweighs the tokens that the
    members no longer share. A branch keeps at least the last token of its prompt to itself.
    """
    order: dict[object, list[int]] = {}
    for index, key in enumerate(keys):
        order.setdefault(key, []).append(index)
    groups = []
    for key, indices in order.items():
        indices.sort(key=lambda i: branches[i].tokens)
        members, shared = [indices[0]], max(branches[indices[0]].prompt_length - 1, 0)
        for index in indices[1:]:
            limit = min(shared, branches[index].prompt_length - 1)
            common = common_prefix(branches[members[0]].tokens, branches[index].tokens, max(limit, 0))
            if common >= len(members) * (shared - common) and common > 0:
                members.append(index)
                shared = common
            else:
                groups.append(Group(key, shared if len(members) > 1 else 0, tuple(members)))
                members, shared = [index], max(branches[index].prompt_length - 1, 0)
        groups.append(Group(key, shared if len(members) > 1 else 0, tuple(members)))
    return groups


def common_prefix(a: Sequence[int], b: Sequence[int], limit: int) -> int:
    """How many of the first `limit` tokens agree (bisection, so that the comparison runs on slices)."""
    low, high = 0, min(limit, len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
