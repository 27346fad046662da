"""Reads log-likelihoods of options, or values at sites, from a batch's forward pass."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steerbench.contracts.edits import Site
from steerbench.contracts.steering import Steering
from steerbench.engines.branches import Branch, group
from steerbench.engines.hf.edits import EditTables, compile_tables, steered, watched
from steerbench.engines.hf.forward import Layout, lay_out, run
from steerbench.engines.hf.forward_rows import ForwardRows
from steerbench.engines.hf.modules import Modules
from steerbench.engines.overflow import normable

SLAB = {"cpu": 2**22, "cuda": 2**26}
"""Number of logits computed at once. On a CPU they fit its cache (16 MB as float32), and the allocator reuses their
memory."""

LEAST = 64
"""Least number of rows per call of the head; with fewer, reading its weight takes longer than the product."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Requests that are run together. Those with equal `keys` have the same edits and may share computation."""

    branches: Sequence[Branch]
    keys: Sequence[Hashable]
    steerings: Sequence[Steering]

    def layout(self) -> Layout:
        return lay_out(group(self.branches, self.keys), self.branches)

    def tables(self, modules: Modules) -> EditTables:
        return compile_tables(self.steerings, modules)

    def first_edited(self, layers: int) -> int:
        """The lowest layer that a steering edits; `layers` if none does."""
        return min((n for s in self.steerings if (n := s.first_layer) is not None), default=layers)

    def lines(self, layout: Layout, tables: EditTables, device: torch.device) -> Tensor:
        """[groups]: each group's line in the tables."""
        return tables.lines([self.steerings[g.members[0]] for g in layout.groups], device)


def scored(modules: Modules, batch: Batch) -> list[list[float]]:
    """Per request, the log-likelihood (nats) of each option; nan where the steering overflowed."""
    layout, tables, frame = batch.layout(), batch.tables(modules), ForwardRows()
    lines = batch.lines(layout, tables, modules.device)
    asked = [
        [
            [(*layout.place(g, member, place), token) for place, token in pairs]
            for pairs in batch.branches[member].scored
        ]
        for g, one in enumerate(layout.groups)
        for member in one.members
    ]
    triples = sorted({triple for options in asked for pairs in options for triple in pairs})
    with steered(modules, tables, frame):
        first = batch.first_edited(len(modules.layers))
        found = _logprobs(modules, run(modules, layout, lines, first, frame), triples)
        if np.isnan(found).any():
            # A nan may come from another request's overflow behind the mask, so run again with overflows contained.
            found = _logprobs(modules, run(modules, layout, lines, first, frame, contain=True), triples)
    known = dict(zip(triples, found, strict=True))
    scores: list[list[float]] = [[] for _ in batch.branches]
    members = (member for one in layout.groups for member in one.members)
    for member, options in zip(members, asked, strict=True):
        scores[member] = [sum(known[triple] for triple in pairs) for pairs in options]
    return scores


def _logprobs(modules: Modules, hidden: Tensor, asked: Sequence[tuple[int, int, int]]) -> list[float]:
    """Log-probability of `token` after (row, column), for each triple; the head runs once per place.

    Nan where the state overflowed. This is checked before the norm, which turns a state that is too long into zeros.
    """
    if not asked:
        return []
    rows, columns, tokens = torch.tensor(asked, device=hidden.device).unbind(1)
    places, at = torch.unique_consecutive(torch.stack([rows, columns], 1), dim=0, return_inverse=True)
    found = torch.empty(len(asked), dtype=torch.float32, device=hidden.device)
    slab = max(LEAST, SLAB[hidden.device.type] // int(modules.config.vocab_size))
    for start in range(0, len(places), slab):
        part = places[start : start + slab]
        states = hidden[part[:, 0], part[:, 1]]
        logits = modules.logits(states)
        mine = (at >= start) & (at < start + slab)
        near = at[mine] - start
        logprobs = logits[near, tokens[mine]] - _logsumexp(logits)[near]
        found[mine] = logprobs.masked_fill_(~normable(states)[near], torch.nan)
    values: list[float] = found.tolist()
    return values


def _logsumexp(x: Tensor) -> Tensor:
    """logsumexp over the last dimension. Overwrites `x`; `torch.logsumexp` would allocate two tensors of its size."""
    highest = x.amax(-1, keepdim=True)
    return x.sub_(highest).exp_().sum(-1).log_().add_(highest[:, 0])


def captured(modules: Modules, batch: Batch, sites: Sequence[Site]) -> list[dict[Site, NDArray[np.float32]]]:
    """Per request and site, [ends, layers, dim]: the values at the branch's ends, after edits.

    Ends must not be in a group's shared prefix; the ends of prompts and options never are.
    """
    layout, tables, frame = batch.layout(), batch.tables(modules), ForwardRows()
    order = [(g, member) for g, one in enumerate(layout.groups) for member in one.members]
    ends = [[layout.place(g, member, place) for place in batch.branches[member].ends] for g, member in order]
    places = torch.tensor([place for one in ends for place in one], device=modules.device)
    kept: dict[tuple[Site, int], Tensor] = {}

    def see(site: Site, layer: int, x: Tensor) -> None:
        if frame.own:
            kept[site, layer] = x[places[:, 0], places[:, 1]].float().cpu()

    with steered(modules, tables, frame), watched(modules, sites, see):
        # No layer is shared between groups, because every row must pass every site.
        run(modules, layout, batch.lines(layout, tables, modules.device), 0, frame)
    result: list[dict[Site, NDArray[np.float32]]] = [{} for _ in batch.branches]
    for site in sites:
        stacked = torch.stack([kept[site, layer] for layer in range(len(modules.layers))], 1).numpy()
        cuts = np.cumsum([len(one) for one in ends])[:-1]
        for (_, member), values in zip(order, np.split(stacked, cuts), strict=True):
            result[member][site] = values
    return result
