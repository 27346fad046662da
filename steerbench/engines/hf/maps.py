"""Edits that have a form (`edits.Form`): one of each steering at a layer and site, run for all rows at once."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from steerbench.contracts.edits import Form, Mapped
from steerbench.engines.hf.forward_rows import ForwardRows
from steerbench.engines.overflow import unmistakable

EVERY_POSITION = torch.iinfo(torch.int64).max


class Maps:
    """A line a steering, in float32: `read` and `write` [steerings, rank, dim], `bias` and `offset` [steerings, rank].

    Forms of a lower rank are filled up with zeros, and a steering that has none acts on no token: on prompts it acts up
    to position `until` [steerings], and behind them where `decode` [steerings].
    """

    def __init__(self, edits: Mapping[int, Mapped], lines: int, dim: int, device: torch.device) -> None:
        forms = {line: edit.form() for line, edit in edits.items()}
        rank = max(form.rank for form in forms.values())
        self.read, self.write = torch.zeros(lines, rank, dim), torch.zeros(lines, rank, dim)
        self.bias, self.offset = torch.zeros(lines, rank), torch.zeros(lines, rank)
        self.until, self.decode = torch.zeros(lines, dtype=torch.long), torch.zeros(lines, dtype=torch.bool)
        self.rectified, self.polar = torch.zeros(lines, dtype=torch.bool), torch.zeros(lines, dtype=torch.bool)
        for line, form in forms.items():
            self._enter(line, form)
            at = edits[line].positions
            self.until[line] = {"all": EVERY_POSITION, "front": at.front, "decode": 0}[at.kind]
            self.decode[line] = at.kind != "front"
        self.nonlinear = bool(self.rectified.any() or self.polar.any())
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))

    def _enter(self, line: int, form: Form) -> None:
        for name in ("read", "write", "bias", "offset"):
            values: Tensor = vars(self)[name]
            values[line, : form.rank] = torch.from_numpy(np.array(vars(form)[name], np.float32))
        self.rectified[line], self.polar[line] = form.how == "rectified", form.how == "polar"

    def apply(self, x: Tensor, frame: ForwardRows) -> Tensor:
        """x [rows, length, dim] with the tokens changed that are each row's; what overflows is nan throughout."""
        rows, wide = frame.steering, x.float()
        u = torch.baddbmm(self.bias[rows][:, None], wide, self.read[rows].transpose(1, 2))
        if self.nonlinear:
            u = self._bent(u, rows)
        changed = unmistakable(torch.baddbmm(wide, u, self.write[rows]).to(x.dtype))
        acts = torch.where(frame.decode, self.decode[rows][:, None], frame.positions < self.until[rows][:, None])
        return torch.where(acts[..., None], changed, x)

    def _bent(self, c: Tensor, rows: Tensor) -> Tensor:
        offset = self.offset[rows][:, None]
        u = torch.where(self.rectified[rows][:, None, None], offset - c.clamp(min=0), c)
        return torch.where(self.polar[rows][:, None, None], c.norm(dim=-1, keepdim=True) * offset - c, u)
