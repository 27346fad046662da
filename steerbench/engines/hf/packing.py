"""Packs a group's branches into rows: several requests side by side in a row, separated by the attention mask.

Rows are the model's batch dimension, and each row has one steering.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steerbench.engines.branches import Branch, BranchGroup

ROW = 256
"""Tokens per row: long enough for large matrix products, short enough that masked attention between unrelated requests
of a row, which is computed in vain, stays cheap."""


@dataclass(frozen=True, eq=False)
class Placed:
    """The place of a request's own tokens: row, first column, and the number of its tokens in the prefix."""

    row: int
    column: int
    shared: int

    def at(self, place: int) -> tuple[int, int]:
        return self.row, self.column + place - self.shared


@dataclass(frozen=True, eq=False)
class Rows:
    """Packed rows of one group: `tokens`, `positions`, `after` [rows, length], `visible` [rows, length, length].

    `after` is 0 for tokens of a prompt, 1 for the first one behind it, and so on.
    """

    tokens: NDArray[np.int64]
    positions: NDArray[np.int64]
    after: NDArray[np.int64]
    visible: NDArray[np.bool_]
    placed: Mapping[int, Placed]


def fill(group: BranchGroup, branches: Sequence[Branch]) -> tuple[dict[int, Placed], tuple[int, int]]:
    """Each member's place, by first-fit decreasing, and the shape of the rows [rows, length]."""
    own = {member: len(branches[member]) - group.shared for member in group.members}
    total, longest = sum(own.values()), max(own.values())
    # Rows of about equal length, because a nearly empty last row would be padded to the others' length.
    length = max(longest, -(-total // -(-total // ROW)) + longest // 2) if len(own) > 1 else longest
    used: list[int] = []
    placed: dict[int, Placed] = {}
    for member in sorted(own, key=lambda m: (-own[m], m)):
        row = next((r for r, taken in enumerate(used) if taken + own[member] <= length), len(used))
        if row == len(used):
            used.append(0)
        placed[member] = Placed(row, used[row], group.shared)
        used[row] += own[member]
    return placed, (len(used), max(used))


def pack(group: BranchGroup, branches: Sequence[Branch]) -> Rows:
    """Lay a group's branches into rows."""
    placed, shape = fill(group, branches)
    tokens, positions = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    after = np.zeros(shape, np.int64)
    visible = np.zeros((*shape, shape[1]), bool)
    for member, place in placed.items():
        branch = branches[member]
        own = len(branch) - group.shared
        columns = slice(place.column, place.column + own)
        tokens[place.row, columns] = branch.tokens(group.shared)
        positions[place.row, columns] = branch.depths(group.shared)
        after[place.row, columns] = np.maximum(branch.depths(group.shared) - branch.prompt_length + 1, 0)
        visible[place.row, columns, columns] = branch.visible(group.shared)
    # A padding token attends to itself, because a mask row must not be empty.
    visible |= np.eye(shape[1], dtype=bool)
    return Rows(tokens, positions, after, visible, placed)
