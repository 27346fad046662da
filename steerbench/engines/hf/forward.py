"""One batch through the model: shared prefixes first, then every request's own tokens on top of them.

Two things are computed once and used many times: the keys and values of a group's prefix (by all its
requests), and the layers below the first edit (by all groups that ask the same tokens under different
steerings). Nothing is shared at or above a layer that an edit changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from steerbench.engines.hf.branches import Branch, Group
from steerbench.engines.hf.edits import Frame
from steerbench.engines.hf.modules import Modules
from steerbench.engines.hf.packing import Rows, pack


@dataclass(frozen=True, eq=False)
class Layout:
    """A batch laid out: its groups' rows, and which groups hold the very same tokens.

    `content[g]` is the number of group g's content among the distinct ones; `first` has one group for
    each content. `row_group` tells the group of every packed row.
    """

    groups: Sequence[Group]
    branches: Sequence[Branch]
    rows: Sequence[Rows]
    content: Sequence[int]
    first: Sequence[int]
    row_start: Sequence[int]

    def place(self, group: int, member: int, token: int) -> tuple[int, int]:
        """Row and column of a member's token in the batch."""
        row, column = self.rows[group].placed[member].at(token)
        return self.row_start[group] + row, column


def lay_out(groups: Sequence[Group], branches: Sequence[Branch]) -> Layout:
    """Pack every group, and find the groups that differ in nothing but their steering."""
    rows: list[Rows] = []
    contents: dict[object, int] = {}
    content, first = [], []
    for number, group in enumerate(groups):
        key = (
            group.shared,
            tuple(branches[m].tokens for m in group.members),
            tuple(branches[m].ends for m in group.members),
        )
        if key not in contents:
            contents[key] = len(first)
            first.append(number)
            rows.append(pack(group, branches))
        else:
            # The same tokens lie in the same places; only the requests they answer differ.
            twin = first[contents[key]]
            placed = {m: rows[twin].placed[o] for m, o in zip(group.members, groups[twin].members, strict=True)}
            rows.append(Rows(rows[twin].tokens, rows[twin].positions, rows[twin].decode, rows[twin].visible, placed))
        content.append(contents[key])
    starts = np.cumsum([0, *(len(r.tokens) for r in rows)]).tolist()
    return Layout(groups, branches, rows, content, first, starts)


class _PrefixStore:
    """Stands in for a cache in the attention layers: keeps the prefix's keys and values, then serves them.

    While `serving` is None it records [groups, heads, length, dim] of every layer; afterwards it puts the
    prefix of row r's group, `serving[layer][r]`, before that row's own keys and values.
    """

    def __init__(self) -> None:
        self.kept: dict[int, tuple[Tensor, Tensor]] = {}
        self.serving: Tensor | None = None

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        if self.serving is None:
            self.kept[layer] = (keys, values)
            return keys, values
        before = [kept.index_select(0, self.serving) for kept in self.kept[layer]]
        return torch.cat([before[0], keys], 2), torch.cat([before[1], values], 2)


@dataclass(frozen=True, eq=False)
class _Stage:
    """Rows on their way through the layers: masks and rotary embeddings by layer type, and, once prefixes are
    being served, the line of each row's prefix."""

    tokens: Tensor
    positions: Tensor
    decode: Tensor
    masks: dict[str, Tensor | None]
    serving: Tensor | None = None

    def take(self, rows: Tensor) -> "_Stage":
        masks = {kind: None if mask is None or len(mask) == 1 else mask[rows] for kind, mask in self.masks.items()}
        masks = {kind: mask if mask is not None else self.masks[kind] for kind, mask in masks.items()}
        serving = None if self.serving is None else self.serving[rows]
        return _Stage(self.tokens[rows], self.positions[rows], self.decode[rows], masks, serving)


def run(modules: Modules, layout: Layout, first_edited: int, frame: Frame) -> Tensor:
    """Hidden states after the last layer, [rows of all groups, length, width].

    Args:
        first_edited: the lowest layer any steering of the batch edits; the layers below it run once for
            each distinct content.
        frame: told, before each stage, which steering and positions its rows have. Line g of the edit
            tables belongs to group g.
    """
    device = modules.decoder.embed_tokens.weight.device
    lower = min(first_edited, len(modules.layers)) if len(layout.first) < len(layout.groups) else 0
    content = torch.tensor(layout.content, device=device)
    store = _PrefixStore()
    length = max(group.shared for group in layout.groups)
    if length:
        groups = torch.arange(len(layout.groups), device=device)
        stage = _prefix_stage(modules, layout, length, device)
        frame.steering, frame.positions, frame.decode = groups, stage.positions, stage.decode
        _through(modules, stage, stage.take(torch.tensor(layout.first, device=device)), content, lower, store)
    stage = _own_stage(modules, layout, length, device)
    assert stage.serving is not None
    frame.steering, frame.positions, frame.decode, frame.own = stage.serving, stage.positions, stage.decode, True
    distinct, spread = (torch.tensor(rows, device=device) for rows in _distinct_rows(layout))
    few = stage.take(distinct)
    few = replace(few, serving=content[few.serving])
    return _through(modules, stage, few, spread, lower, store if length else None)


def _through(
    modules: Modules, stage: _Stage, few: _Stage, spread: Tensor, lower: int, store: _PrefixStore | None
) -> Tensor:
    """All layers: the first `lower` of them on the `few` distinct rows, which `spread` then deals out to all."""
    hidden = modules.embed((few if lower else stage).tokens)
    for rows, numbers in ((few, range(lower)), (stage, range(lower, len(modules.layers)))):
        if rows is stage and lower:
            hidden = hidden.index_select(0, spread)
        if store is not None:
            store.serving = rows.serving
        rotary = modules.rotary(hidden, rows.positions) if numbers else {}
        for number in numbers:
            kind = modules.layer_types[number]
            out = modules.layers[number](
                hidden,
                attention_mask=rows.masks[kind],
                position_ids=rows.positions,
                past_key_values=store,
                position_embeddings=rotary[kind],
            )
            hidden = out[0] if isinstance(out, tuple) else out
    return hidden


def _prefix_stage(modules: Modules, layout: Layout, length: int, device: torch.device) -> _Stage:
    """The groups' prefixes, one a row, padded at the right: attention is causal, so padding is never seen."""
    tokens = np.zeros((len(layout.groups), length), np.int64)
    for number, group in enumerate(layout.groups):
        tokens[number, : group.shared] = layout.branches[group.members[0]].tokens[: group.shared]
    causal = torch.ones(length, length, dtype=torch.bool, device=device).tril()[None, None]
    masks: dict[str, Tensor | None] = {"full_attention": causal, "sliding_attention": causal}
    if modules.window:
        masks["sliding_attention"] = causal.triu(1 - modules.window)
    positions = torch.arange(length, device=device).expand(len(tokens), -1)
    return _Stage(
        torch.from_numpy(tokens).to(device),
        positions,
        torch.zeros_like(positions, dtype=torch.bool),
        _ready(masks, modules, causal_is_default=length <= (modules.window or length)),
    )


def _own_stage(modules: Modules, layout: Layout, prefix_length: int, device: torch.device) -> _Stage:
    """The packed rows, [rows, length], with masks [rows, 1, length, prefix + length]."""
    count, length = layout.row_start[-1], max(rows.tokens.shape[1] for rows in layout.rows)
    tokens, positions = np.zeros((count, length), np.int64), np.zeros((count, length), np.int64)
    decode, seen = np.zeros((count, length), bool), np.zeros((count, length, prefix_length + length), bool)
    own = seen[:, :, prefix_length:]
    own[:, np.arange(length), np.arange(length)] = True
    row_group = np.zeros(count, np.int64)
    for number, (group, rows) in enumerate(zip(layout.groups, layout.rows, strict=True)):
        at, width = slice(layout.row_start[number], layout.row_start[number + 1]), rows.tokens.shape[1]
        tokens[at, :width], positions[at, :width], decode[at, :width] = rows.tokens, rows.positions, rows.decode
        own[at, :width, :width] |= rows.visible
        seen[at, :, : group.shared] = True
        row_group[at] = number
    mask, places = torch.from_numpy(seen).to(device)[:, None], torch.from_numpy(positions).to(device)
    masks: dict[str, Tensor | None] = {"full_attention": mask, "sliding_attention": mask}
    if modules.window:
        keys = torch.cat([torch.arange(prefix_length, device=device).expand(count, -1), places], 1)
        masks["sliding_attention"] = mask & (places[:, :, None] - keys[:, None, :] < modules.window)[:, None]
    return _Stage(
        torch.from_numpy(tokens).to(device),
        places,
        torch.from_numpy(decode).to(device),
        _ready(masks, modules, causal_is_default=False),
        torch.from_numpy(row_group).to(device),
    )


def _distinct_rows(layout: Layout) -> tuple[list[int], list[int]]:
    """Rows of the first group of each content, and for every row its place among those."""
    distinct: list[int] = []
    start_of: dict[int, int] = {}
    for number in layout.first:
        start_of[layout.content[number]] = len(distinct)
        distinct += range(layout.row_start[number], layout.row_start[number + 1])
    spread = [start_of[layout.content[g]] + r for g, rows in enumerate(layout.rows) for r in range(len(rows.tokens))]
    return distinct, spread


def _ready(masks: dict[str, Tensor | None], modules: Modules, causal_is_default: bool) -> dict[str, Tensor | None]:
    """Boolean masks as the model's attention takes them: none where plain causal does, additive for eager."""
    if modules.architecture.attention != "eager":
        return dict.fromkeys(masks) if causal_is_default else masks
    dtype = modules.decoder.embed_tokens.weight.dtype
    low = torch.finfo(dtype).min
    return {
        kind: torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, low)
        for kind, mask in masks.items()
        if mask is not None
    }
