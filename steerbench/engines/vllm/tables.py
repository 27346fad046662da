"""The worker's tables: the rows of all steerings at every site and layer, for this rank's columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor

from steerbench.engines.overflow import unmistakable
from steerbench.engines.vllm.schedule import SITES, Schedule, Schedules, capacity
from steerbench.engines.vllm.slots import Placement

SHARDED = ("head_out", "mlp_cap", "mlp_add")
"""Tables whose columns are sharded over tensor-parallel ranks, like heads and neurons."""


@dataclass(frozen=True)
class TableShape:
    """The shape of the tables: this rank's `widths`, `rank` of `ranks`, and at most `tokens` tokens per step.

    `rows` determines their capacities (`capacity`).
    """

    layers: int
    rows: int
    widths: Mapping[str, int]
    tokens: int
    rank: int = 0
    ranks: int = 1


class SlotTables:
    """Rows [layers, 1 + capacity, width] by site, and the row of every token of the step [sites, tokens].

    Both keep their memory address, which compiled code and CUDA graphs rely on.
    """

    def __init__(self, shape: TableShape, dtype: torch.dtype, device: torch.device) -> None:
        self.shape = shape
        self.rows: dict[str, Tensor] = {
            site: torch.full(
                (shape.layers, 1 + capacity(site, shape.rows), shape.widths[site]),
                neutral(site),
                dtype=dtype,
                device=device,
            )
            for site in SITES
        }
        self.lines = torch.zeros(len(SITES), shape.tokens, dtype=torch.int32, device=device)
        self.schedules = Schedules(shape.rows + 1)
        # By site [rows, layers]: where a row is not neutral. Eager mode skips sites that no token needs.
        self._edited = {site: np.zeros((1 + capacity(site, shape.rows), shape.layers), bool) for site in SITES}
        self.active = np.zeros((len(SITES), shape.layers), bool)

    def put(self, placement: Placement) -> None:
        """Write a steering's rows at its places, overwriting what was there."""
        values = load(placement.payload)
        for site, rows in placement.rows.items():
            self.rows[site][:, rows] = neutral(site)
            self._edited[site][rows] = False
            for layer in range(self.shape.layers):
                if (given := values.get(f"{site}.{layer}")) is not None:
                    table = self.rows[site]
                    own = self._own(site, given).to(table.device, table.dtype)
                    table[layer, rows] = own if site == "mlp_cap" else unmistakable(own)
                    self._edited[site][rows, layer] = True
        self.schedules.put(placement.slot, {s: Schedule(*parts) for s, parts in placement.schedules.items()})

    def _own(self, site: str, values: Tensor) -> Tensor:
        """This rank's columns."""
        if site not in SHARDED:
            return values
        width = self.shape.widths[site]
        return values[:, self.shape.rank * width : (self.shape.rank + 1) * width]

    def prepare(
        self, slots: Sequence[int], counts: NDArray[np.int64], done: NDArray[np.int64], prompts: Sequence[int]
    ) -> None:
        """Set the row of every token of the next step.

        All arguments are [requests], in the order of the batch: slot, number of tokens in this step (`counts`), number
        of tokens before them (`done`), and length of the prompt.
        """
        positions = positions_of(counts, done)
        each = np.repeat(np.arange(len(counts)), counts)
        lines = self.schedules.rows_of(np.asarray(slots)[each], positions, np.asarray(prompts)[each])
        for number, site in enumerate(SITES):
            self.active[number] = self._edited[site][np.unique(lines[number])].any(0)
        host = torch.from_numpy(lines)
        if self.lines.is_cuda:
            host = host.pin_memory()
        self.lines[:, : lines.shape[1]].copy_(host, non_blocking=True)
        self.lines[:, lines.shape[1] :].zero_()


def positions_of(counts: NDArray[np.int64], done: NDArray[np.int64]) -> NDArray[np.int64]:
    """[tokens]: each token's position in its own sequence, with requests concatenated."""
    starts = np.cumsum(counts) - counts
    return np.arange(counts.sum()) - np.repeat(starts - done, counts)


def neutral(site: str) -> float:
    """The fill value of a site's neutral row."""
    return float("inf") if site == "mlp_cap" else 0.0
