"""Runs one batch through the model: first the shared prefixes, then each request's own tokens.

Two things are shared: the keys and values of a group's prefix (by its requests), and the layers below the first edit
(by groups with the same tokens and different steerings). Nothing is shared between steerings from the first edited
layer upwards.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from steerbench.engines.branches import Branch, BranchGroup
from steerbench.engines.hf.forward_rows import ForwardRows
from steerbench.engines.hf.modules import Modules
from steerbench.engines.hf.overflow import Containment
from steerbench.engines.hf.packing import Rows, pack


@dataclass(frozen=True, eq=False)
class Layout:
    """The layout of a batch: its groups' rows, and which groups have identical tokens.

    Groups with the same tokens have an equal `content[g]`, and equal `rows` but for the requests that they belong to.
    Group g's rows start at `row_start[g]`.
    """

    groups: Sequence[BranchGroup]
    branches: Sequence[Branch]
    rows: Sequence[Rows]
    content: Sequence[int]
    row_start: Sequence[int]

    def place(self, group: int, member: int, token: int) -> tuple[int, int]:
        """(row, column) of a member's token in the batch."""
        row, column = self.rows[group].placed[member].at(token)
        return self.row_start[group] + row, column


def lay_out(groups: Sequence[BranchGroup], branches: Sequence[Branch]) -> Layout:
    """Pack every group, and find the groups that differ only in their steering."""
    rows: list[Rows] = []
    first: dict[Hashable, int] = {}
    content = []
    for number, group in enumerate(groups):
        twin = first.setdefault((group.shared, tuple(branches[m].content for m in group.members)), number)
        if twin == number:
            rows.append(pack(group, branches))
        else:
            # Same tokens at the same places; only the requests differ.
            placed = {m: rows[twin].placed[o] for m, o in zip(group.members, groups[twin].members, strict=True)}
            rows.append(replace(rows[twin], placed=placed))
        content.append(twin)
    starts = np.cumsum([0, *(len(r.tokens) for r in rows)]).tolist()
    return Layout(groups, branches, rows, content, starts)


class _PrefixStore:
    """Replaces the cache of the attention layers: records the prefixes' keys and values, then serves them.

    While `serving` is None it records [prefixes, heads, length, dim] of every layer. Afterwards it puts those of prefix
    `serving[r]` before row r's own.
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
    """Rows that pass through the layers: masks by layer type, [rows or 1, 1, length, keys], and each row's prefix index
    when prefixes are served. `contained` keeps overflowed tokens from affecting others."""

    tokens: Tensor
    positions: Tensor
    after: Tensor
    masks: Mapping[str, Tensor | None]
    serving: Tensor | None = None
    contained: Containment | None = None

    def take(self, rows: Tensor, serving: Tensor | None = None) -> "_Stage":
        masks = {kind: m if m is None or len(m) == 1 else m[rows] for kind, m in self.masks.items()}
        return _Stage(self.tokens[rows], self.positions[rows], self.after[rows], masks, serving, self.contained)


def run(
    modules: Modules, layout: Layout, lines: Tensor, first_edited: int, frame: ForwardRows, contain: bool = False
) -> Tensor:
    """Hidden states after the last layer, [rows of all groups, length, width].

    Args:
        lines: [groups], each group's line in the edit tables.
        first_edited: the lowest layer that a steering of the batch edits; the layers below it run once for each
            distinct content.
        frame: set before each stage to the steerings and positions of its rows.
        contain: keep overflowed tokens from affecting tokens that do not attend to them; the states of those that do
            become nan.
    """
    device = modules.device
    lower = min(first_edited, len(modules.layers)) if len(set(layout.content)) < len(layout.groups) else 0
    store, length = None, max(group.shared for group in layout.groups)
    serving, few_serving = None, None
    row_group = [g for g, rows in enumerate(layout.rows) for _ in rows.tokens]
    few, spread = _distinct([(layout.content[g], r - layout.row_start[g]) for r, g in enumerate(row_group)], device)
    before, own = (Containment(), Containment()) if contain else (None, None)
    if length:
        prefixed = [g for g, group in enumerate(layout.groups) if group.shared]
        stage = replace(_prefix_stage(modules, layout, prefixed, length), contained=before)
        frame.steering, frame.positions, frame.after = lines[prefixed], stage.positions, stage.after
        few_prefixes, prefix_spread = _distinct([layout.content[g] for g in prefixed], device)
        store = _PrefixStore()
        _through(modules, stage, stage.take(few_prefixes), prefix_spread, lower, store)
        # A row without a prefix is served the first one, hidden by its mask.
        number = {g: line for line, g in enumerate(prefixed)}
        serving = torch.tensor([number.get(g, 0) for g in row_group], device=device)
        few_serving = prefix_spread[serving[few]]
    stage, seen = _own_stage(modules, layout, length, serving)
    stage = replace(stage, contained=own)
    frame.steering, frame.positions, frame.after, frame.own = lines[row_group], stage.positions, stage.after, True
    hidden = _through(modules, stage, stage.take(few, few_serving), spread, lower, store)
    if own is None or before is None:
        return hidden
    return own.told(hidden, seen, None if serving is None or before.tokens is None else before.tokens[serving])


def _distinct(keys: Sequence[Hashable], device: torch.device) -> tuple[Tensor, Tensor]:
    """[distinct]: index of each key's first occurrence, in order; [keys]: for each key, its place among those."""
    numbers: dict[Hashable, int] = {}
    first: list[int] = []
    for place, key in enumerate(keys):
        if key not in numbers:
            numbers[key] = len(first)
            first.append(place)
    spread = [numbers[key] for key in keys]
    return torch.tensor(first, device=device), torch.tensor(spread, device=device)


def _through(
    modules: Modules, stage: _Stage, few: _Stage, spread: Tensor, lower: int, store: _PrefixStore | None
) -> Tensor:
    """Run all layers: the first `lower` ones on the distinct rows (`few`), then the rest on all rows (`spread`)."""
    hidden = modules.embed((few if lower else stage).tokens)
    for rows, numbers in ((few, range(lower)), (stage, range(lower, len(modules.layers)))):
        if rows is stage and lower:
            hidden = hidden.index_select(0, spread)
            if stage.contained is not None:
                stage.contained.deal_out(spread)
        if store is not None:
            store.serving = rows.serving
        rotary = modules.rotary(hidden, rows.positions) if numbers else {}
        for number in numbers:
            if stage.contained is not None:
                hidden = stage.contained.clear(hidden)
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


def _prefix_stage(modules: Modules, layout: Layout, prefixed: Sequence[int], length: int) -> _Stage:
    """The groups' prefixes, one per row, padded on the right; causal attention hides the padding."""
    tokens = np.zeros((len(prefixed), length), np.int64)
    for row, number in enumerate(prefixed):
        group = layout.groups[number]
        tokens[row, : group.shared] = layout.branches[group.members[0]].tokens()[: group.shared]
    causal = torch.ones(length, length, dtype=torch.bool, device=modules.device).tril()[None, None]
    masks = {"full_attention": causal, "sliding_attention": causal}
    if modules.window:
        masks["sliding_attention"] = causal.triu(1 - modules.window)
    positions = torch.arange(length, device=modules.device).expand(len(tokens), -1)
    ready = _ready(masks, modules)
    if modules.architecture.attention != "eager":
        # Without a mask, attention is causal and faster.
        ready["full_attention"] = None
        if length <= (modules.window or length):
            ready["sliding_attention"] = None
    after = torch.zeros_like(positions)
    return _Stage(torch.from_numpy(tokens).to(modules.device), positions, after, ready)


def _own_stage(modules: Modules, layout: Layout, prefix_length: int, serving: Tensor | None) -> tuple[_Stage, Tensor]:
    """The packed rows [rows, length], and the mask [rows, 1, length, prefix + length] without windows."""
    count, length = layout.row_start[-1], max(rows.tokens.shape[1] for rows in layout.rows)
    tokens, positions = np.zeros((count, length), np.int64), np.zeros((count, length), np.int64)
    after, seen = np.zeros((count, length), np.int64), np.zeros((count, length, prefix_length + length), bool)
    own = seen[:, :, prefix_length:]
    own[:, np.arange(length), np.arange(length)] = True
    for number, (group, rows) in enumerate(zip(layout.groups, layout.rows, strict=True)):
        at, width = slice(layout.row_start[number], layout.row_start[number + 1]), rows.tokens.shape[1]
        tokens[at, :width], positions[at, :width], after[at, :width] = rows.tokens, rows.positions, rows.after
        own[at, :width, :width] |= rows.visible
        seen[at, :, : group.shared] = True
    mask, places, behind = (torch.from_numpy(x).to(modules.device) for x in (seen[:, None], positions, after))
    masks = {"full_attention": mask, "sliding_attention": mask}
    if modules.window:
        keys = torch.cat([torch.arange(prefix_length, device=modules.device).expand(count, -1), places], 1)
        masks["sliding_attention"] = mask & (places[:, :, None] - keys[:, None, :] < modules.window)[:, None]
    return _Stage(torch.from_numpy(tokens).to(modules.device), places, behind, _ready(masks, modules), serving), mask


def _ready(masks: Mapping[str, Tensor], modules: Modules) -> dict[str, Tensor | None]:
    """Boolean masks in the form that the model's attention takes: additive for eager attention."""
    if modules.architecture.attention != "eager":
        return dict(masks)
    low = torch.finfo(modules.dtype).min
    return {
        kind: torch.zeros(mask.shape, dtype=modules.dtype, device=mask.device).masked_fill(~mask, low)
        for kind, mask in masks.items()
    }
