"""Requests as tokens: a prompt followed by a tree of its options, so that shared tokens are computed once.

" Very Accurate" and " Very Inaccurate" after one prompt are one branch: the prompt's tokens, then the node " Very" with
two children. Requests with the same edits and a common prefix form a group, whose prefix is computed once.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ids = bytes
"""Token ids, four big-endian bytes each. Bytes are compact, and sort and compare fast, which matters for tens of
thousands of prompts."""


def packed(ids: Sequence[int]) -> Ids:
    return np.asarray(ids, dtype=">u4").tobytes()


def unpacked(ids: Ids) -> NDArray[np.int64]:
    return np.frombuffer(ids, dtype=">u4").astype(np.int64)


@dataclass(frozen=True, eq=False)
class Branch:
    """One request's tokens.

    A place is an index over the prompt's tokens, then the option nodes, parents before children. `parents` has the
    place before each node. `ends` has each option's last place. If only likelihoods are asked, the nodes omit the last
    token of each option, and `ends` has the place before it. A pair (place, token) in `scored[option]` asks for the
    log-probability of the token after that place.
    """

    prompt: Ids
    nodes: tuple[int, ...]
    parents: tuple[int, ...]
    ends: tuple[int, ...]
    scored: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def prompt_length(self) -> int:
        return len(self.prompt) // 4

    def __len__(self) -> int:
        return self.prompt_length + len(self.nodes)

    @cached_property
    def content(self) -> Hashable:
        """A key that is equal for branches with the same tokens and the same attention between them."""
        return self.prompt, self.nodes, self.parents

    @property
    def longest(self) -> int:
        """Number of tokens of its longest sequence, counting only tokens that the model reads."""
        depths: list[int] = []
        for parent in self.parents:
            depths.append(1 if parent < self.prompt_length else depths[parent - self.prompt_length] + 1)
        return self.prompt_length + max(depths, default=0)

    def tokens(self, start: int = 0) -> NDArray[np.int64]:
        """Token ids, from place `start` in the prompt."""
        return np.concatenate([unpacked(self.prompt[4 * start :]), np.array(self.nodes, np.int64)])

    def path(self, place: int) -> list[int]:
        """Token ids of the sequence that ends at a place."""
        nodes: list[int] = []
        while place >= self.prompt_length:
            nodes.append(self.nodes[place - self.prompt_length])
            place = self.parents[place - self.prompt_length]
        prompt: list[int] = unpacked(self.prompt[: 4 * (place + 1)]).tolist()
        return prompt + nodes[::-1]

    def depths(self, start: int = 0) -> NDArray[np.int64]:
        """Each token's position in its own sequence, from place `start`."""
        depths = list(range(self.prompt_length))
        for parent in self.parents:
            depths.append(depths[parent] + 1)
        return np.array(depths[start:], np.int64)

    def visible(self, start: int = 0) -> NDArray[np.bool_]:
        """[own, own]: whether token i may attend to token j, for the tokens from place `start`."""
        own, chain = len(self) - start, self.prompt_length - start
        visible = np.zeros((own, own), dtype=bool)
        visible[:chain, :chain] = np.tri(chain, dtype=bool)
        for node, parent in enumerate(self.parents, start=chain):
            visible[node] = visible[parent - start]
            visible[node, node] = True
        return visible


def branch(prompt: Ids, options: Sequence[Sequence[int]], last: bool = True) -> Branch:
    """Merge options into a tree of tokens after their prompt. Without options the branch is the prompt alone.

    `last=False` omits the last token of each option, which a likelihood predicts but does not read.
    """
    length = len(prompt) // 4
    nodes: list[int] = []
    parents: list[int] = []
    children: dict[tuple[int, int], int] = {}
    ends, scored = [], []
    for option in options or ((),):
        place, pairs = length - 1, []
        for number, token in enumerate(option, start=1):
            pairs.append((place, token))
            if number == len(option) and not last:
                break
            if (place, token) not in children:
                children[place, token] = length + len(nodes)
                nodes.append(token)
                parents.append(place)
            place = children[place, token]
        ends.append(place)
        scored.append(tuple(pairs))
    return Branch(prompt, tuple(nodes), tuple(parents), tuple(ends), tuple(scored))


@dataclass(frozen=True, eq=False)
class BranchGroup:
    """Branches with the same edits that share their first `shared` tokens. `members` are request indices."""

    key: Hashable
    shared: int
    members: tuple[int, ...]


def group(branches: Sequence[Branch], keys: Sequence[Hashable]) -> list[BranchGroup]:
    """Split requests into groups that minimise the tokens to compute, in a deterministic order.

    Branches are sorted by their tokens. Neighbours are joined while the saved prefix outweighs the tokens that the
    members no longer share. The last token of a prompt is never shared.
    """
    order: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        order.setdefault(key, []).append(index)
    groups = []
    for key, indices in order.items():
        indices.sort(key=lambda i: (branches[i].prompt, branches[i].nodes))
        sorted_branches = [branches[i] for i in indices]
        for start, stop, shared in _runs(sorted_branches):
            groups.append(BranchGroup(key, shared if stop - start > 1 else 0, tuple(indices[start:stop])))
    return groups


def _runs(branches: Sequence[Branch]) -> Iterator[tuple[int, int, int]]:
    """Neighbours that share a prefix: (start, stop, tokens shared)."""
    near = [_shareable(one, other) for one, other in pairwise(branches)]
    start, shared = 0, branches[0].prompt_length - 1
    for index in range(1, len(branches)):
        common, ahead = min(shared, near[index - 1]), near[index] if index < len(near) else 0
        # A branch may share far more with the next one than with those before.
        if common > 0 and common >= (index - start) * (shared - common) and ahead <= 2 * common:
            shared = common
        else:
            yield start, index, shared
            start, shared = index, branches[index].prompt_length - 1
    yield start, len(branches), shared


def _shareable(one: Branch, other: Branch) -> int:
    return common_prefix(one.prompt, other.prompt, min(one.prompt_length, other.prompt_length) - 1)


def common_prefix(a: Ids, b: Ids, limit: int) -> int:
    """Length of the common prefix of two token sequences, at most `limit`."""
    if a[: 4 * limit] == b[: 4 * limit]:
        return min(limit, len(a) // 4, len(b) // 4)
    length = min(len(a), len(b), 4 * limit)
    differ = np.frombuffer(a[:length], np.uint32) != np.frombuffer(b[:length], np.uint32)
    return int(differ.argmax()) if differ.any() else length // 4
