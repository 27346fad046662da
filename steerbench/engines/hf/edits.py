"""Applies edits inside a running model, with a separate steering for each row of a batch.

Edits are compiled into tables per layer and site, with a line for each steering. A hook edits every row by the table
line of that row's steering. Hooks are installed by a context manager that always removes them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn

from steerbench.contracts.edits import Cap, Edit, Mapped, Similarity, Site, in_order
from steerbench.contracts.steering import Steering
from steerbench.engines.hf.forward_rows import ForwardRows
from steerbench.engines.hf.gating import Conditions, Gating
from steerbench.engines.hf.maps import Maps
from steerbench.engines.hf.modules import Modules
from steerbench.engines.hf.table import Table


@dataclass(frozen=True, eq=False)
class Step:
    """One edit of each steering, which depends on a token's values or is let through by gates."""

    inner: Table | Maps
    gating: Gating | None

    def apply(self, x: Tensor, frame: ForwardRows) -> Tensor:
        edited = self.inner.apply(x, frame)
        return edited if self.gating is None else self.gating.through(x, edited, frame)


@dataclass
class SiteEdits:
    """All edits at one layer and site, in the order in which they act (`edits.in_order`).

    `table` has all caps and additions without gates. `capping`, `mapping` and `adding` are the other edits one after
    the other: the first of each steering, then the second.
    """

    table: Table
    capping: list[Step] = field(default_factory=list)
    mapping: list[Step] = field(default_factory=list)
    adding: list[Step] = field(default_factory=list)

    def apply(self, x: Tensor, frame: ForwardRows) -> Tensor:
        """x [rows, length, dim], each row under its steering."""
        x = self.table.capped(x, frame)
        for step in (*self.capping, *self.mapping):
            x = step.apply(x, frame)
        x = self.table.added(x, frame)
        for step in self.adding:
            x = step.apply(x, frame)
        return x


@dataclass(frozen=True, eq=False)
class EditTables:
    """Compiled edits per layer and site, each steering's line in them, and what gates look at, by layer."""

    at: Mapping[tuple[Site, int], SiteEdits]
    line: Mapping[tuple[object, ...], int]
    conditions: Mapping[int, Conditions]

    def lines(self, steerings: Iterable[Steering], device: torch.device) -> Tensor:
        """[steerings]: each steering's line in the tables."""
        return torch.tensor([self.line[s.edits_key] for s in steerings], device=device)


def compile_tables(steerings: Iterable[Steering], modules: Modules) -> EditTables:
    """Compile the edits of every layer and site. Steerings with the same edits share a line."""
    distinct = {s.edits_key: s for s in steerings}
    edits: dict[tuple[Site, int], dict[int, list[Edit]]] = defaultdict(lambda: defaultdict(list))
    looks: dict[int, list[Similarity]] = defaultdict(list)
    for line, steering in enumerate(distinct.values()):
        for edit in in_order(steering.edits):
            edits[edit.site, edit.layer][line].append(edit)
            for gate in edit.gates:
                if isinstance(gate, Similarity):
                    looks[gate.layer].append(gate)
    conditions = {layer: Conditions(layer, gates, modules.device) for layer, gates in looks.items()}
    at = {place: _compiled(*place, of, len(distinct), modules, conditions) for place, of in edits.items()}
    return EditTables(at, {key: line for line, key in enumerate(distinct)}, conditions)


def _compiled(
    site: Site,
    layer: int,
    edits: Mapping[int, Sequence[Edit]],
    lines: int,
    modules: Modules,
    conditions: Mapping[int, Conditions],
) -> SiteEdits:
    dim, device = modules.width(site), modules.device
    made = SiteEdits(Table(lines, dim))
    capping: dict[int, list[Edit]] = defaultdict(list)
    mapping: dict[int, list[Edit]] = defaultdict(list)
    adding: dict[int, list[Edit]] = defaultdict(list)
    for line, those in edits.items():
        for edit in those:
            if isinstance(edit, Mapped):
                mapping[line].append(edit)
            elif edit.gates:
                (capping if isinstance(edit, Cap) else adding)[line].append(edit)
            else:
                made.table.enter(line, edit)
    made.table.to(layer, device, modules.dtype)
    for steps, waiting in ((made.capping, capping), (made.mapping, mapping), (made.adding, adding)):
        for column in zip_longest(*waiting.values()):
            present = {line: edit for line, edit in zip(waiting, column, strict=True) if edit is not None}
            inner = _inner(present, lines, dim, layer, modules)
            gates = {line: edit.gates for line, edit in present.items()}
            gated = any(gates.values())
            steps.append(Step(inner, Gating(gates, lines, conditions, device) if gated else None))
    return made


def _inner(edits: Mapping[int, Edit], lines: int, dim: int, layer: int, modules: Modules) -> Table | Maps:
    """One edit of each line: all have a form, or none."""
    mapped = {line: edit for line, edit in edits.items() if isinstance(edit, Mapped)}
    if mapped:
        return Maps(mapped, lines, dim, modules.device)
    table = Table(lines, dim)
    for line, edit in edits.items():
        if not isinstance(edit, Mapped):
            table.enter(line, edit)
    table.to(layer, modules.device, modules.dtype)
    return table


@contextmanager
def steered(modules: Modules, tables: EditTables, frame: ForwardRows) -> Iterator[None]:
    """Context manager: the model runs with the tables' edits. All hooks are removed on exit, also after an error."""
    with ExitStack() as stack:
        for (site, layer), edits in tables.at.items():
            stack.callback(_hook(modules, site, layer, partial(edits.apply, frame=frame)))
        # After the edits of their layer: a gate looks at states as they leave it.
        for layer, conditions in tables.conditions.items():
            stack.callback(_hook(modules, "resid", layer, partial(conditions.look, frame=frame)))
        yield


@contextmanager
def watched(modules: Modules, sites: Sequence[Site], see: Callable[[Site, int, Tensor], None]) -> Iterator[None]:
    """Context manager: calls `see(site, layer, x)` with each site's values [rows, length, dim], after edits."""

    def look(x: Tensor, site: Site, layer: int) -> Tensor:
        see(site, layer, x)
        return x

    with ExitStack() as stack:
        for site in sites:
            for layer in range(len(modules.layers)):
                stack.callback(_hook(modules, site, layer, partial(look, site=site, layer=layer)))
        yield


def _hook(modules: Modules, site: Site, layer: int, change: Callable[[Tensor], Tensor]) -> Callable[[], None]:
    """Hook `change` to a site; returns the function that removes the hook."""
    module = modules.at(site, layer)
    if site == "head_out":
        return module.register_forward_pre_hook(lambda _, args: (change(args[0]), *args[1:])).remove

    def after(_: nn.Module, __: Any, out: Any) -> Any:
        return (change(out[0]), *out[1:]) if isinstance(out, tuple) else change(out)

    return module.register_forward_hook(after).remove
