"""A request as tokens: its prompt, then a tree of its options, so that what options share is computed once.

" Very Accurate" and " Very Inaccurate" after one prompt are one branch: the prompt's tokens, then the
node " Very" with two children. Requests under the same edits that start alike form a group, whose
common prefix is computed once.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ids = bytes
"""Token ids, four bytes each, the high one first: prompts are held by the ten thousand, and as bytes they are
small, and sort and compare as fast as memory is read."""


def packed(ids: Sequence[int]) -> Ids:
    return np.asarray(ids, dtype=">u4").tobytes()


def unpacked(ids: Ids) -> NDArray[np.int64]:
    return np.frombuffer(ids, dtype=">u4").astype(np.int64)


@dataclass(frozen=True, eq=False)
class Branch:
    """One request's tokens.

    Places count the prompt's tokens, then the option nodes, parents before children; `parents` has the
    place before each node. `ends` has the place each option ends in, unless only likelihoods are asked:
    then options' last tokens are not among the nodes. A pair (place, token) in `scored[option]` asks for
    the log-probability of the token after that place.
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
        """Equal for branches whose tokens, and what these attend to, are the same."""
        return self.prompt, self.nodes, self.parents

    @property
    def longest(self) -> int:
        """Tokens of its longest sequence, as far as they are read."""
        depths: list[int] = []
        for parent in self.parents:
            depths.append(1 if parent < self.prompt_length else depths[parent - self.prompt_length] + 1)
        return self.prompt_length + max(depths, default=0)

    def tokens(self, start: int = 0) -> NDArray[np.int64]:
        """Token ids from a place in the prompt on."""
        return np.concatenate([unpacked(self.prompt[4 * start :]), np.array(self.nodes, np.int64)])

    def path(self, place: int) -> list[int]:
        """Token ids of the sequence that ends in a place, which is in the prompt or an option's node."""
        nodes: list[int] = []
        while place >= self.prompt_length:
            nodes.append(self.nodes[place - self.prompt_length])
            place = self.parents[place - self.prompt_length]
        prompt: list[int] = unpacked(self.prompt[: 4 * (place + 1)]).tolist()
        return prompt + nodes[::-1]

    def depths(self, start: int = 0) -> NDArray[np.int64]:
        """Position of every token, from place `start` on, in its own sequence."""
        depths = list(range(self.prompt_length))
        for parent in self.parents:
            depths.append(depths[parent] + 1)
        return np.array(depths[start:], np.int64)

    def visible(self, start: int = 0) -> NDArray[np.bool_]:
        """[own, own]: whether token i may attend to token j, for the tokens from `start` on."""
        own, chain = len(self) - start, self.prompt_length - start
        visible = np.zeros((own, own), dtype=bool)
        visible[:chain, :chain] = np.tri(chain, dtype=bool)
        for node, parent in enumerate(self.parents, start=chain):
            visible[node] = visible[parent - start]
            visible[node, node] = True
        return visible


def branch(prompt: Ids, options: Sequence[Sequence[int]], last: bool = True) -> Branch:
    """Merge options into a tree of tokens under their prompt. No options: the prompt alone, ending in itself.

    `last=False` leaves out the last token of each option, which a likelihood predicts but never reads.
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
    """Branches under the same edits that share their first `shared` tokens. `members` are request indices."""

    key: Hashable
    shared: int
    members: tuple[int, ...]


def group(branches: Sequence[Branch], keys: Sequence[Hashable]) -> list[BranchGroup]:
    """Split requests into groups so that few tokens are computed, in a deterministic order.

    Sorted by their tokens, neighbours join a group while the prefix saved outweighs the tokens that the
    members no longer share. A branch keeps at least the last token of its prompt to itself.
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
        # With the one that follows, a branch may share far more than with those before.
        if common > 0 and common >= (index - start) * (shared - common) and ahead <= 2 * common:
            shared = common
        else:
            yield start, index, shared
            start, shared = index, branches[index].prompt_length - 1
    yield start, len(branches), shared


def _shareable(one: Branch, other: Branch) -> int:
    return common_prefix(one.prompt, other.prompt, min(one.prompt_length, other.prompt_length) - 1)


def common_prefix(a: Ids, b: Ids, limit: int) -> int:
    """How many of the first `limit` tokens agree."""
    if a[: 4 * limit] == b[: 4 * limit]:
        return min(limit, len(a) // 4, len(b) // 4)
    length = min(len(a), len(b), 4 * limit)
    differ = np.frombuffer(a[:length], np.uint32) != np.frombuffer(b[:length], np.uint32)
    return int(differ.argmax()) if differ.any() else length // 4
