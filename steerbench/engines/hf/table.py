"""The caps and the additions of all steerings at one layer and site."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from steerbench.contracts.edits import Add, Boost, Cap
from steerbench.engines.hf.forward_rows import ForwardRows
from steerbench.engines.overflow import unmistakable
from steerbench.engines.thinning import PERIOD, draws


@dataclass
class Table:
    """Caps and additions by kind of position, with a line for each steering.

    `everywhere`, `decode`, `cap` and `cap_decode` are [steerings, dim]. `front` is [steerings, k + 1, dim]; its last
    line is zero and serves every later position. `thinned` and `thinned_decode` hold additions like `everywhere` and
    `decode`, keyed by the share of neurons that is kept at each position; `draws` [positions, dim] selects them.
    """

    lines: int
    dim: int
    everywhere: Tensor | None = None
    decode: Tensor | None = None
    front: Tensor | None = None
    cap: Tensor | None = None
    cap_decode: Tensor | None = None
    thinned: dict[float, Tensor] = field(default_factory=dict)
    thinned_decode: dict[float, Tensor] = field(default_factory=dict)
    draws: Tensor | None = None

    def enter(self, line: int, edit: Add | Cap | Boost) -> None:
        """Write an edit, on top of what the same steering already has here."""
        at = edit.positions
        if isinstance(edit, Cap):
            caps = self._made("cap" if at.kind == "all" else "cap_decode", float("inf"))
            neurons = torch.tensor(edit.neurons, dtype=torch.long)
            caps[line, neurons] = caps[line, neurons].clamp(max=edit.maximum)
            return
        vector = self._added(edit)
        if isinstance(edit, Boost) and edit.kept < 1:
            tables = self.thinned if at.kind == "all" else self.thinned_decode
            tables.setdefault(edit.kept, torch.zeros(self.lines, self.dim))[line] += vector
        elif at.kind == "front":
            self._front(at.front)[line, : at.front] += vector
        else:
            self._made("everywhere" if at.kind == "all" else "decode", 0.0)[line] += vector

    def _added(self, edit: Add | Boost) -> Tensor:
        if isinstance(edit, Add):
            return edit.strength * torch.tensor(edit.vector, dtype=torch.float32)
        vector = torch.zeros(self.dim)
        neurons = torch.tensor(edit.neurons, dtype=torch.long)
        return edit.strength * vector.index_add_(0, neurons, torch.tensor(edit.values, dtype=vector.dtype))

    def _made(self, name: str, fill: float) -> Tensor:
        """The named table, made on first use."""
        found: Tensor | None = vars(self)[name]
        if found is None:
            found = torch.full((self.lines, self.dim), fill)
            setattr(self, name, found)
        return found

    def _front(self, count: int) -> Tensor:
        """The table of the first positions, long enough for `count` of them."""
        old = self.front
        if old is None or old.shape[1] <= count:
            self.front = torch.zeros(self.lines, count + 1, self.dim)
            if old is not None:
                self.front[:, : old.shape[1]] = old
        assert self.front is not None
        return self.front

    def to(self, layer: int, device: torch.device, dtype: torch.dtype) -> None:
        """Move what is added and capped to where the model is; what overflows there is nan."""
        for name, value in vars(self).items():
            if isinstance(value, dict):
                setattr(self, name, {share: unmistakable(table.to(device, dtype)) for share, table in value.items()})
            elif name in ("cap", "cap_decode") and value is not None:
                setattr(self, name, value.to(device, dtype))
            elif isinstance(value, Tensor):
                setattr(self, name, unmistakable(value.to(device, dtype)))
        if self.thinned or self.thinned_decode:
            self.draws = draws(layer, self.dim, device)

    def capped(self, x: Tensor, frame: ForwardRows) -> Tensor:
        """x [rows, length, dim] with each row's caps."""
        rows = frame.steering
        if self.cap is not None:
            x = torch.minimum(x, self.cap.index_select(0, rows)[:, None])
        if self.cap_decode is not None:
            x = torch.where(frame.decode[..., None], torch.minimum(x, self.cap_decode[rows][:, None]), x)
        return x

    def added(self, x: Tensor, frame: ForwardRows) -> Tensor:
        """x [rows, length, dim] with each row's additions."""
        rows = frame.steering
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

    def apply(self, x: Tensor, frame: ForwardRows) -> Tensor:
        """Caps, then additions."""
        return self.added(self.capped(x, frame), frame)
