"""Observers in the worker: captured values of chosen tokens, and histograms of activations."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import Tensor

from steerbench.contracts.edits import Site
from steerbench.engines.histograms import Histograms, summed_up


class Capture:
    """Captures the values of chosen tokens at sites; `wanted` are (request's key, index of the token in the step)."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self.sites: tuple[Site, ...] = tuple(sites)
        self.wanted: list[tuple[str, int]] = []
        self._rows = torch.zeros(0, dtype=torch.long)
        self._step: dict[Site, list[Tensor]] = {}
        self._kept: dict[tuple[str, Site], list[NDArray[np.float32]]] = {}

    def begin(self, wanted: list[tuple[str, int]], device: torch.device) -> None:
        """Call before a step with the tokens to capture; each request's tokens are ordered by position."""
        self.wanted = wanted
        self._rows = torch.tensor([place for _, place in wanted], dtype=torch.long, device=device)
        self._step = {site: [] for site in self.sites}

    def see(self, site: Site, layer: int, x: Tensor) -> None:
        self._step[site].append(x.index_select(0, self._rows))

    def end(self) -> None:
        for site, layers in self._step.items():
            if not layers:
                continue
            values = torch.stack(layers, 1).float().cpu().numpy()
            for (key, _), value in zip(self.wanted, values, strict=True):
                self._kept.setdefault((key, site), []).append(value)

    def collected(self) -> bytes:
        """All captured values, as one safetensors file: `key/site` is [tokens, layers, width]."""
        return save({f"{key}/{site}": np.stack(values) for (key, site), values in self._kept.items()})


class Count:
    """Counts neurons' activations at chosen tokens, by group."""

    sites: tuple[Site, ...] = ("mlp_act",)

    def __init__(self, histograms: Histograms) -> None:
        self.histograms = histograms
        self._rows = self._groups = torch.zeros(0, dtype=torch.long)

    def begin(self, rows: Sequence[int], groups: Sequence[int], device: torch.device) -> None:
        """Call before a step with the indices of the tokens to count, and their groups."""
        self._rows = torch.tensor(rows, dtype=torch.long, device=device)
        self._groups = torch.tensor(groups, dtype=torch.long, device=device)

    def see(self, site: Site, layer: int, x: Tensor) -> None:
        if len(self._rows):
            self.histograms.keep(layer, x.index_select(0, self._rows), self._groups)

    def collected(self) -> bytes:
        """By group, `tokens`, `positive` and `p95` of this rank's neurons, as one safetensors file."""
        self.histograms.flush()
        found: dict[str, NDArray[Any]] = {}
        for group, counts in enumerate(self.histograms.counts):
            tokens, positive, p95 = summed_up(counts.cpu())
            found |= {f"{group}/tokens": np.array([tokens]), f"{group}/positive": positive, f"{group}/p95": p95}
        return save(found)
