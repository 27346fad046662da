"""Applies edits inside a running model: each row of a batch under its own steering.

Edits are compiled into one table per layer and site, [steerings, dim]; a hook adds to every row the
table's line of that row's steering. The hooks live inside one `with` block and are always removed.
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
    """What the hooks must know of the rows now passing through the model.

    `steering` [rows] is each row's line in the tables, `positions` [rows, length] the tokens' places in
    their own sequences, `decode` [rows, length] whether they come after the prompt; `own` tells whether
    they are requests' own tokens or prefixes. Set by the forward pass before each stage.
    """

    own: bool = False
    steering: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))
    positions: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.long))
    decode: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.bool))


@dataclass
class SiteEdits:
    """All edits at one layer and site: what to cap at, and what to add, by kind of position.

    `everywhere`, `decode`, `cap`, `cap_decode` are [steerings, dim]; `front` is [steerings, k + 1, dim],
    whose last line is zero and serves every later position. `thinned` and `thinned_decode` are as `everywhere`
    and `decode`, by the share of the neurons that is kept at a position; `draws` [positions, dim] tells which.
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
        """x [rows, length, dim] with each row's caps, then its additions."""
        rows = frame.steering
        if self.cap is not None:
            x = torch.minimum(x, self.cap.index_select(0, rows)[:, None])
        if self.cap_decode is not None:
            x = torch.where(frame.decode[..., None], torch.minimum(x, self.cap_decode[rows][:, None]), x)
        if self.everywhere is not None:
            x = x + self.everywhere.index_select(0, rows)[:, None]
        if self.decode is not None:
            # Not times 0: where the strength overflows, that is nan.
            x = torch.where(frame.decode[..., None], x + self.decode[rows][:, None], x)
        if self.front is not None:
            # A prompt may have fewer tokens than the edit: what comes after it is no part of its front.
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
        """Move what is added and capped to where the model is; what overflows there is nan."""
        for name, value in vars(self).items():
            if isinstance(value, dict):
                setattr(self, name, {share: unmistakable(table.to(device, dtype)) for share, table in value.items()})
            elif name in ("cap", "cap_decode") and value is not None:
                setattr(self, name, value.to(device, dtype))
            elif value is not None and name != "draws":
                setattr(self, name, unmistakable(value.to(device, dtype)))


@dataclass(frozen=True, eq=False)
class EditTables:
    """Edits ready to be applied: a table per layer and site, and each steering's line in all of them."""

    at: Mapping[tuple[Site, int], SiteEdits]
    line: Mapping[tuple[object, ...], int]

    def lines(self, steerings: Iterable[Steering], device: torch.device) -> Tensor:
        """[steerings]: where each is in the tables."""
        return torch.tensor([self.line[s.edits_key] for s in steerings], device=device)


def compile_tables(steerings: Iterable[Steering], modules: Modules) -> EditTables:
    """One table per layer and site that any of the steerings edits; those with the same edits have one line."""
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
    """Enter one edit into its table, on top of what the same steering already has there."""
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
    """The named table, made on first use; `grow` lengthens its middle dimension to `shape`'s."""
    old: Tensor | None = getattr(table, name)
    if old is None or (grow and old.shape[1] < shape[1]):
        new = torch.full(shape, fill)
        if old is not None:
            new[:, : old.shape[1]] = old
        setattr(table, name, new)
    return getattr(table, name)  # type: ignore[no-any-return]


@contextmanager
def steered(modules: Modules, tables: EditTables, frame: ForwardRows) -> Iterator[None]:
    """Run the model under the tables' edits. Whatever happens inside, no hook is left behind."""
    with ExitStack() as stack:
        for (site, layer), table in tables.at.items():
            stack.callback(_hook(modules, site, layer, partial(table.apply, frame=frame)))
        yield


@contextmanager
def watched(modules: Modules, sites: Sequence[Site], see: Callable[[Site, int, Tensor], None]) -> Iterator[None]:
    """Run the model while `see(site, layer, x)` looks at each site's values [rows, length, dim], after edits."""

    def look(x: Tensor, site: Site, layer: int) -> Tensor:
        see(site, layer, x)
        return x

    with ExitStack() as stack:
        for site in sites:
            for layer in range(len(modules.layers)):
                stack.callback(_hook(modules, site, layer, partial(look, site=site, layer=layer)))
        yield


def _hook(modules: Modules, site: Site, layer: int, change: Callable[[Tensor], Tensor]) -> Callable[[], None]:
    """Put `change` on a site; returns what takes it off again."""
    module = modules.at(site, layer)
    if site == "head_out":
        return module.register_forward_pre_hook(lambda _, args: (change(args[0]), *args[1:])).remove

    def after(_: nn.Module, __: Any, out: Any) -> Any:
        return (change(out[0]), *out[1:]) if isinstance(out, tuple) else change(out)

    return module.register_forward_hook(after).remove
