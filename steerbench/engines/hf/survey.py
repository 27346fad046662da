"""What FFN neurons do while a model answers: which tokens of a batch are counted, and totals over batches."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import StoppingCriteria

from steerbench.contracts import NeuronStatistics
from steerbench.engines.hf.edits import ForwardRows, watched
from steerbench.engines.hf.modules import Modules
from steerbench.engines.histograms import P95_ERROR, Histograms, summed_up


class NeuronCounts:
    """What the neurons did in one batch, whose rows belong to `groups`; the device holds only groups that occur."""

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
        """Count while text is generated; what it yields must be told of every generated token."""
        following = _RowsStillRead(self, torch.tensor(stops, device=self.modules.device))

        def see(_: Any, layer: int, x: Tensor) -> None:
            if layer == 0:
                # A generated token is read in a pass of its own, at the same time in all rows.
                self._counting = bool(frame.decode.all())
            if self._counting:
                self.histograms.keep(layer, x[:, 0].index_select(0, self._read), self._groups[self._read])

        with watched(self.modules, ["mlp_act"], see):
            yield [following]
        self.histograms.flush()


class _RowsStillRead(StoppingCriteria):
    """Stops nothing, but takes the rows that have met a stop token off those that are counted."""

    def __init__(self, counts: NeuronCounts, stops: Tensor) -> None:
        self.counts, self.stops = counts, stops
        self.ended: Tensor | None = None

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        now = torch.isin(input_ids[:, -1], self.stops)
        self.ended = now if self.ended is None else self.ended | now
        self.counts._read = (~self.ended).nonzero()[:, 0]
        return torch.zeros_like(now)


class Survey:
    """Counts added up over batches, [layers, neurons, bins] for each group that occurred, in main memory."""

    def __init__(self, modules: Modules, groups: int) -> None:
        self.shape = (groups, len(modules.layers), modules.width("mlp_act"))
        self.totals: dict[int, Tensor] = {}

    def add(self, counts: NeuronCounts) -> None:
        """A batch, once it is done: one that ran out of memory on the way has not been counted."""
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
