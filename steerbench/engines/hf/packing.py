"""Packs groups of branches into batches of a token budget, and a group's branches into rows.

A row holds several requests of one group side by side; a mask keeps them apart. Rows are what the model
sees as its batch dimension, so each row can be under its own steering.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steerbench.engines.hf.branches import Branch, Group

ROW = 256
"""Tokens of a row: long enough to keep matrix products large, short enough that attention between
unrelated requests of a row, which is masked away but computed, stays small."""


def split_to_budget(groups: Sequence[Group], branches: Sequence[Branch], budget: int) -> list[list[int]]:
    """Request indices per batch. A group over the budget is cut, and each part pays for the prefix again."""
    batches: list[list[int]] = []
    current: list[int] = []
    used = 0
    for group in groups:
        opened = False
        for member in group.members:
            own = len(branches[member].tokens) - group.shared
            cost = own if opened else own + group.shared
            if current and used + cost > budget:
                batches.append(current)
                current, used, cost = [], 0, own + group.shared
            current.append(member)
            used += cost
            opened = True
    if current:
        batches.append(current)
    return batches


def split_generation(groups: Sequence[Group], lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Request indices per batch for generation, where every row keeps its whole prompt's keys and values.

    `lengths` are tokens per row, what may be generated included. Requests that share a prefix stay together,
    apart from others, so that the batch can share it; the rest are batched by length.
    """
    together = [list(g.members) for g in groups if len(g.members) > 1]
    alone = sorted((m for g in groups if len(g.members) == 1 for m in g.members), key=lambda m: (-lengths[m], m))
    batches: list[list[int]] = []
    for members in [*together, alone]:
        rows: list[int] = []
        for member in members:
            longest = max(lengths[m] for m in [*rows, member])
            if rows and longest * (len(rows) + 1) > budget:
                batches.append(rows)
                rows = []
            rows.append(member)
        if rows:
            batches.append(rows)
    return batches


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a request's own tokens lie: row, first column, and the number of tokens left to the prefix."""

    row: int
    column: int
    shared: int

    def at(self, place: int) -> tuple[int, int]:
        return self.row, self.column + place - self.shared


@dataclass(frozen=True, eq=False)
class Rows:
    """Packed rows of one group: `tokens`, `positions`, `decode` [rows, length], `visible` [rows, length, length]."""

    tokens: NDArray[np.int64]
    positions: NDArray[np.int64]
    decode: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    placed: dict[int, Placed]


def pack(group: Group, branches: Sequence[Branch]) -> Rows:
    """Lay a group's branches into rows, longest first, each into the first row with room."""
    own = {member: len(branches[member].tokens) - group.shared for member in group.members}
    total, longest = sum(own.values()), max(own.values())
    # Rows of about equal length: a last, nearly empty row would be padded to the others'.
    length = max(longest, -(-total // -(-total // ROW)) + longest // 2) if len(own) > 1 else longest
    filled: list[int] = []
    placed: dict[int, Placed] = {}
    for member in sorted(own, key=lambda m: (-own[m], m)):
        row = next((r for r, used in enumerate(filled) if used + own[member] <= length), len(filled))
        if row == len(filled):
            filled.append(0)
        placed[member] = Placed(row, filled[row], group.shared)
        filled[row] += own[member]
    shape = (len(filled), max(filled))
    tokens, positions = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    decode = np.zeros(shape, bool)
    visible = np.zeros((*shape, shape[1]), bool)
    for member, place in placed.items():
        branch, columns = branches[member], slice(place.column, place.column + own[member])
        tokens[place.row, columns] = branch.tokens[group.shared :]
        positions[place.row, columns] = branch.depths[group.shared :]
        decode[place.row, columns] = np.arange(group.shared, len(branch.tokens)) >= branch.prompt_length
        visible[place.row, columns, columns] = branch.visible(group.shared)
    # A padding token sees only itself: a row of a mask must not be empty.
    visible |= np.eye(shape[1], dtype=bool)
    return Rows(tokens, positions, decode, visible, placed)
