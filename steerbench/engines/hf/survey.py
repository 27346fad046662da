"""Activation statistics of FFN neurons during generation: which tokens are counted, and totals over batches."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import StoppingCriteria

from steerbench.contracts import NeuronStatistics
from steerbench.engines.hf.edits import watched
from steerbench.engines.hf.forward_rows import ForwardRows
from steerbench.engines.hf.modules import Modules
from steerbench.engines.histograms import P95_ERROR, Histograms, summed_up


class NeuronCounts:
    """Neuron statistics of one batch, whose rows belong to `groups`. Only groups in the batch use device memory."""

    def __init__(self, modules: Modules, groups: Sequence[int]) -> None:
        self.modules = modules
        self.present = sorted(set(groups))
        layers, neurons, device = len(modules.layers), modules.width("mlp_act"), modules.device
        self.histograms = Histograms(len(self.present), layers, neurons, len(groups), modules.dtype, device)
        self._counting = False
        self._groups = torch.tensor([self.present.index(g) for g in groups], device=device)
        self._read = torch.arange(len(groups), device=device)

    @contextmanager
    def watching(self, frame: ForwardRows, stops: Sequence[int]) -> Iterator[list[StoppingCriteria]]:
        """Context manager that counts during generation; the yielded criteria must see every generated token."""
        following = _RowsStillRead(self, torch.tensor(stops, device=self.modules.device))

        def see(_: Any, layer: int, x: Tensor) -> None:
            if layer == 0:
                # Each generated token is read in its own pass, for all rows at once.
                self._counting = bool(frame.decode.all())
            if self._counting:
                self.histograms.keep(layer, x[:, 0].index_select(0, self._read), self._groups[self._read])

        with watched(self.modules, ["mlp_act"], see):
            yield [following]
        self.histograms.flush()


class _RowsStillRead(StoppingCriteria):
    """Never stops generation; excludes rows from the count after their stop token."""

    def __init__(self, counts: NeuronCounts, stops: Tensor) -> None:
        self.counts, self.stops = counts, stops
        self.ended: Tensor | None = None

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        now = torch.isin(input_ids[:, -1], self.stops)
        self.ended = now if self.ended is None else self.ended | now
        self.counts._read = (~self.ended).nonzero()[:, 0]
        return torch.zeros_like(now)


class Survey:
    """Total counts over batches, [layers, neurons, bins] for each group that occurred, in main memory."""

    def __init__(self, modules: Modules, groups: int) -> None:
        self.shape = (groups, len(modules.layers), modules.width("mlp_act"))
        self.totals: dict[int, Tensor] = {}

    def add(self, counts: NeuronCounts) -> None:
        """Add a finished batch; one that ran out of memory is not counted."""
        for group, histogram in zip(counts.present, counts.histograms.counts, strict=True):
            if group in self.totals:
                self.totals[group] += histogram.cpu()
            else:
                self.totals[group] = histogram.cpu()

    def statistics(self) -> NeuronStatistics:
        tokens = np.zeros(self.shape[0], np.int64)
        positive, p95 = np.zeros(self.shape, np.int64), np.zeros(self.shape, np.float32)
        for group, counts in self.totals.items():
            tokens[group], positive[group], p95[group] = summed_up(counts)
        return NeuronStatistics(tokens, positive, p95, P95_ERROR)
