"""Applies edits inside a running model, with a separate steering for each row of a batch.

Edits are compiled into one table per layer and site, [steerings, dim]. A hook adds to every row the table line of that
row's steering. Hooks are installed by a context manager that always removes them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from steerbench.contracts.steering import Boost, Cap, Edit, Site, Steering
from steerbench.engines.hf.modules import Modules
from steerbench.engines.overflow import unmistakable
from steerbench.engines.thinning import PERIOD, draws
from steerbench.engines.validation import site_of


@dataclass
class ForwardRows:
    """What the hooks need to know about the rows that are passing through the model.

    `steering` [rows] is each row's line in the tables. `positions` [rows, length] are the tokens' positions in their
    own sequences, and `decode` [rows, length] says whether they come after the prompt. `own` is true for requests' own
    tokens and false for shared prefixes. The forward pass sets these before each stage.
    """

    own: bool = False
    steering: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))
    positions: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.long))
    decode: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.bool))


@dataclass
class SiteEdits:
    """All edits at one layer and site: the caps and the additions, by kind of position.

    `everywhere`, `decode`, `cap` and `cap_decode` are [steerings, dim]. `front` is [steerings, k + 1, dim]; its last
    line is zero and serves every later position. `thinned` and `thinned_decode` hold additions like `everywhere` and
    `decode`, keyed by the share of neurons that is kept at each position; `draws` [positions, dim] selects them.
    """

    everywhere: Tensor | None = None
    decode: Tensor | None = None
    front: Tensor | None = None
    cap: Tensor | None = None
    cap_decode: Tensor | None = None
    thinned: dict[float, Tensor] = field(default_factory=dict)
    thinned_decode: dict[float, Tensor] = field(default_factory=dict)
    draws: Tensor | None = None

    def apply(self, x: Tensor, frame: ForwardRows) -> Tensor:
        """Apply each row's caps, then its additions, to x [rows, length, dim]."""
        rows = frame.steering
        if self.cap is not None:
            x = torch.minimum(x, self.cap.index_select(0, rows)[:, None])
        if self.cap_decode is not None:
            x = torch.where(frame.decode[..., None], torch.minimum(x, self.cap_decode[rows][:, None]), x)
        if self.everywhere is not None:
            x = x + self.everywhere.index_select(0, rows)[:, None]
        if self.decode is not None:
            # Selected, not multiplied by 0, which is nan where the strength overflows.
            x = torch.where(frame.decode[..., None], x + self.decode[rows][:, None], x)
        if self.front is not None:
            # A prompt may be shorter than the edit; generated tokens are not part of its front.
            added = self.front[rows[:, None], frame.positions.clamp(max=self.front.shape[1] - 1)]
            x = torch.where(frame.decode[..., None], x, x + added)
        if self.draws is not None:
            drawn = self.draws[frame.positions % PERIOD]
            for share, added in self.thinned.items():
                x = torch.where(drawn < share, x + added[rows][:, None], x)
            for share, added in self.thinned_decode.items():
                x = torch.where((drawn < share) & frame.decode[..., None], x + added[rows][:, None], x)
        return x

    def to(self, device: torch.device, dtype: torch.dtype) -> None:
        """Move the tables to the model's device and dtype; vectors that overflow there become nan."""
        for name, value in vars(self).items():
            if isinstance(value, dict):
                setattr(self, name, {share: unmistakable(table.to(device, dtype)) for share, table in value.items()})
            elif name in ("cap", "cap_decode") and value is not None:
                setattr(self, name, value.to(device, dtype))
            elif value is not None and name != "draws":
                setattr(self, name, unmistakable(value.to(device, dtype)))


@dataclass(frozen=True, eq=False)
class EditTables:
    """Compiled edits: a table per layer and site, and each steering's line, which is the same in all tables."""

    at: Mapping[tuple[Site, int], SiteEdits]
    line: Mapping[tuple[object, ...], int]

    def lines(self, steerings: Iterable[Steering], device: torch.device) -> Tensor:
        """[steerings]: each steering's line in the tables."""
        return torch.tensor([self.line[s.edits_key] for s in steerings], device=device)


def compile_tables(steerings: Iterable[Steering], modules: Modules) -> EditTables:
    """Compile one table per layer and site with an edit. Steerings with the same edits share a line."""
    distinct = {s.edits_key: s for s in steerings}
    at: dict[tuple[Site, int], SiteEdits] = {}
    for line, steering in enumerate(distinct.values()):
        for edit in steering.edits:
            site = site_of(edit)
            table = at.setdefault((site, edit.layer), SiteEdits())
            _write(table, edit, line, len(distinct), modules.width(site))
    for (site, layer), table in at.items():
        table.to(modules.device, modules.dtype)
        if table.thinned or table.thinned_decode:
            table.draws = draws(layer, modules.width(site), modules.device)
    return EditTables(at, {key: line for line, key in enumerate(distinct)})


def _write(table: SiteEdits, edit: Edit, line: int, lines: int, dim: int) -> None:
    """Write one edit into its table, combined with earlier edits of the same steering there."""
    at = edit.positions
    if isinstance(edit, Cap):
        name = "cap" if at.kind == "all" else "cap_decode"
        caps = _table(table, name, (lines, dim), float("inf"))
        neurons = torch.tensor(edit.neurons, dtype=torch.long)
        caps[line, neurons] = caps[line, neurons].clamp(max=edit.maximum)
        return
    if isinstance(edit, Boost):
        vector = torch.zeros(dim)
        vector.index_add_(
            0, torch.tensor(edit.neurons, dtype=torch.long), torch.tensor(edit.values, dtype=vector.dtype)
        )
        if edit.kept < 1:
            tables = table.thinned if at.kind == "all" else table.thinned_decode
            tables.setdefault(edit.kept, torch.zeros(lines, dim))[line] += edit.strength * vector
            return
    else:
        vector = torch.tensor(edit.vector, dtype=torch.float32)
    if at.kind == "front":
        _table(table, "front", (lines, at.front + 1, dim), 0.0, grow=True)[line, : at.front] += edit.strength * vector
    else:
        name = "everywhere" if at.kind == "all" else "decode"
        _table(table, name, (lines, dim), 0.0)[line] += edit.strength * vector


def _table(table: SiteEdits, name: str, shape: tuple[int, ...], fill: float, grow: bool = False) -> Tensor:
    """The named tensor of a table, created on first use; `grow` extends its middle dimension to that of `shape`."""
    old: Tensor | None = getattr(table, name)
    if old is None or (grow and old.shape[1] < shape[1]):
        new = torch.full(shape, fill)
        if old is not None:
            new[:, : old.shape[1]] = old
        setattr(table, name, new)
    return getattr(table, name)  # type: ignore[no-any-return]


@contextmanager
def steered(modules: Modules, tables: EditTables, frame: ForwardRows) -> Iterator[None]:
    """Context manager: the model runs with the tables' edits. All hooks are removed on exit, also after an error."""
    with ExitStack() as stack:
        for (site, layer), table in tables.at.items():
            stack.callback(_hook(modules, site, layer, partial(table.apply, frame=frame)))
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
