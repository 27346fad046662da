"""Gates of edits: how much of an edit reaches each token."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from steerbench.contracts.edits import Bound, Facing, Fade, Gate, Similarity
from steerbench.engines.hf.forward_rows import ForwardRows

G = TypeVar("G", bound=Gate)


class Conditions:
    """All condition vectors that gates compare one layer's states with, [conditions, width] of length 1."""

    def __init__(self, layer: int, gates: Iterable[Similarity], device: torch.device) -> None:
        self.layer = layer
        found = {id(gate): gate for gate in gates}
        self.place = {key: number for number, key in enumerate(found)}
        vectors = torch.stack([torch.tensor(gate.direction) for gate in found.values()])
        self.vectors = torch.nn.functional.normalize(vectors, dim=-1).to(device)

    def look(self, x: Tensor, frame: ForwardRows) -> Tensor:
        """Note the cosines of the states x [rows, length, width]."""
        frame.cosines[self.layer] = torch.nn.functional.normalize(x.float(), dim=-1) @ self.vectors.T
        return x


class Gating:
    """The gates of one edit of each steering at a layer and site, a line a steering."""

    def __init__(
        self,
        gates: Mapping[int, Sequence[Gate]],
        lines: int,
        conditions: Mapping[int, Conditions],
        device: torch.device,
    ) -> None:
        self._similar = [_Similar(column, lines, conditions, device) for column in _columns(gates, Similarity)]
        self._bounds = [_Bounded(column, lines, device) for column in _columns(gates, Bound)]
        self._facing = [_Facing(column, lines, device) for column in _columns(gates, Facing)]
        rates = torch.zeros(lines)
        for line, those in gates.items():
            rates[line] = sum(1 / gate.half_life for gate in those if isinstance(gate, Fade))
        self._rates = rates.to(device)

    def through(self, x: Tensor, edited: Tensor, frame: ForwardRows) -> Tensor:
        """x [rows, length, dim] moved towards `edited` by the share that the gates let through."""
        share = torch.exp2(-(frame.after - 1).clamp(min=0) * self._rates[frame.steering][:, None])
        for similar in self._similar:
            share = share * similar.open(frame)
        for facing in self._facing:
            share = share * facing.open(x, frame)
        for bound in self._bounds:
            share = share * bound.share(x, edited, frame)
        part = (x.float() + share[..., None] * (edited.float() - x.float())).to(x.dtype)
        # All and nothing are exact: of an edit that overflows, nothing is nothing.
        return torch.where((share == 0)[..., None], x, torch.where((share == 1)[..., None], edited, part))


def _columns(gates: Mapping[int, Sequence[Gate]], kind: type[G]) -> list[dict[int, G]]:
    """The first gate of a kind of every line that has one, then the second, and so on."""
    of = {line: [gate for gate in those if isinstance(gate, kind)] for line, those in gates.items()}
    most = max((len(those) for those in of.values()), default=0)
    return [{line: those[n] for line, those in of.items() if n < len(those)} for n in range(most)]


class _Similar:
    """A similarity gate of each line, or none; `column` [lines] is its condition among those of its layer."""

    def __init__(
        self, gates: Mapping[int, Similarity], lines: int, conditions: Mapping[int, Conditions], device: torch.device
    ) -> None:
        self.layers = sorted({gate.layer for gate in gates.values()})
        layer, column = torch.full((lines,), -1), torch.zeros(lines, dtype=torch.long)
        threshold, sign = torch.zeros(lines), torch.zeros(lines)
        for line, gate in gates.items():
            layer[line], column[line] = gate.layer, conditions[gate.layer].place[id(gate)]
            threshold[line], sign[line] = gate.threshold, 1.0 if gate.side == "above" else -1.0
        self.layer, self.column = layer.to(device), column.to(device)
        self.threshold, self.sign = threshold.to(device), sign.to(device)

    def open(self, frame: ForwardRows) -> Tensor:
        """[rows, length]: 1 where the gate lets through."""
        rows = frame.steering
        opened = torch.ones(frame.positions.shape, device=rows.device)
        for layer in self.layers:
            cosines = frame.cosines[layer]
            columns = self.column[rows].clamp(max=cosines.shape[-1] - 1)
            found = cosines.gather(2, columns[:, None, None].expand(-1, cosines.shape[1], 1))[..., 0]
            passes = self.sign[rows][:, None] * (found - self.threshold[rows][:, None]) > 0
            opened = torch.where((self.layer[rows] == layer)[:, None], passes.float(), opened)
        return opened


class _Facing:
    """A direction to be faced by each line, or none: then the threshold is below everything."""

    def __init__(self, gates: Mapping[int, Facing], lines: int, device: torch.device) -> None:
        dim = len(next(iter(gates.values())).direction)
        directions, threshold = torch.zeros(lines, dim), torch.full((lines,), -torch.inf)
        for line, gate in gates.items():
            directions[line], threshold[line] = torch.tensor(gate.direction), gate.threshold
        self.directions, self.threshold = directions.to(device), threshold.to(device)

    def open(self, x: Tensor, frame: ForwardRows) -> Tensor:
        """[rows, length]: 1 where the gate lets through."""
        found = (x.float() @ self.directions[frame.steering][..., None])[..., 0]
        return (found > self.threshold[frame.steering][:, None]).float()


class _Bounded:
    """A bound of each line, or none: then the limit is infinite."""

    def __init__(self, gates: Mapping[int, Bound], lines: int, device: torch.device) -> None:
        dim = len(next(iter(gates.values())).direction)
        directions, limit = torch.zeros(lines, dim), torch.full((lines,), torch.inf)
        for line, gate in gates.items():
            directions[line], limit[line] = torch.tensor(gate.direction), gate.limit
        self.directions, self.limit = directions.to(device), limit.to(device)

    def share(self, x: Tensor, edited: Tensor, frame: ForwardRows) -> Tensor:
        """[rows, length]: what share of the way can be gone."""
        direction = self.directions[frame.steering][..., None]
        now = (x.float() @ direction)[..., 0]
        step = (edited.float() @ direction)[..., 0] - now
        room = self.limit[frame.steering][:, None] - now
        share = torch.where(step > 0, (room / step).clamp(0, 1), 1.0)
        return share.masked_fill(step.isnan(), 1.0)
