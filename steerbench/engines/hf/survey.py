"""What FFN neurons do while a model answers: a histogram of each one's activations, by group of requests.

Memory does not grow with the number of tokens. Activations wait in a buffer of some tokens and are then
counted layer by layer: a bin is an integer shift of the number's bit pattern, sixteen bins an octave. The counts
are int32 [groups, layers, neurons, bins]: 36 MB a group for 30 layers of 1,536 neurons, 354 MB for 32 of 14,336.
The device holds the groups that occur in a batch, main memory all of them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import StoppingCriteria

from steerbench.contracts import NeuronStatistics
from steerbench.engines.hf.edits import Frame, watched
from steerbench.engines.hf.modules import Modules

LOWEST, OCTAVES, BITS = -7, 12, 4
"""Bins go from 2**LOWEST through so many octaves, 2**BITS to each."""

BINS = 1 + (OCTAVES << BITS)
"""Bin 0 is for what is not positive. Smaller positive numbers count in bin 1, larger ones in the last."""

P95_ERROR = 2.0 ** -(BITS + 1)
"""Half a bin, as a share of its lower end, where it is largest; for values within the bins' range."""

BUFFERED = {"cpu": 2048, "cuda": 512}
"""Tokens that wait to be counted: on a CPU so many that reading the counts of a layer into its cache pays."""

COLUMNS = {"cpu": 64, "cuda": 4096}
"""Neurons counted at once: on a CPU so few that what is incremented stays in its cache."""


class Counts:
    """What the neurons did in one batch, whose rows belong to `groups`."""

    def __init__(self, modules: Modules, groups: Sequence[int]) -> None:
        self.modules = modules
        self.present = sorted(set(groups))
        layers, neurons, device = len(modules.layers), modules.width("mlp_act"), modules.device
        shape = (len(self.present), layers, neurons, BINS)
        self.histograms = torch.zeros(shape, dtype=torch.int32, device=device)
        buffered = max(BUFFERED[device.type], len(groups))
        self._buffer = torch.empty(layers, buffered, neurons, dtype=modules.dtype, device=device)
        self._buffered_groups = torch.empty(buffered, dtype=torch.long, device=device)
        self._filled, self._counting = 0, False
        self._groups = torch.tensor([self.present.index(g) for g in groups], device=device)
        self._read = torch.arange(len(groups), device=device)

    @contextmanager
    def watching(self, frame: Frame, stops: Sequence[int]) -> Iterator[list[StoppingCriteria]]:
        """Count while text is generated; what it yields must be told of every generated token."""
        following = _RowsStillRead(self, torch.tensor(stops, device=self.modules.device))

        def see(_: Any, layer: int, x: Tensor) -> None:
            if layer == 0:
                # A generated token is read in a pass of its own, at the same time in all rows.
                self._counting = bool(frame.decode.all())
            if self._counting:
                self._keep(layer, x[:, 0])

        with watched(self.modules, ["mlp_act"], see):
            yield [following]
        self._flush()

    def _keep(self, layer: int, x: Tensor) -> None:
        """Put the rows [rows, neurons] that are still read into the buffer; the last layer moves its end."""
        count = len(self._read)
        if layer == 0:
            if self._filled + count > len(self._buffered_groups):
                self._flush()
            self._buffered_groups[self._filled : self._filled + count] = self._groups[self._read]
        torch.index_select(x, 0, self._read, out=self._buffer[layer, self._filled : self._filled + count])
        if layer == len(self._buffer) - 1:
            self._filled += count

    def _flush(self) -> None:
        """Count what is in the buffer, some neurons of a layer at a time."""
        layers, _, neurons = self._buffer.shape
        per_group, per_layer, per_neuron, _ = self.histograms.stride()
        columns = min(COLUMNS[self._buffer.device.type], neurons)
        first = torch.arange(columns, device=self._buffer.device) * per_neuron
        first = first + self._buffered_groups[: self._filled, None] * per_group
        ones = torch.ones(first.numel(), dtype=torch.int32, device=self._buffer.device)
        for layer in range(layers):
            for start in range(0, neurons, columns):
                bins = bins_of(self._buffer[layer, : self._filled, start : start + columns])
                counters = self.histograms.view(-1)[layer * per_layer + start * per_neuron :]
                counters.scatter_add_(0, (first[:, : bins.shape[1]] + bins).view(-1), ones[: bins.numel()])
        self._filled = 0


class _RowsStillRead(StoppingCriteria):
    """Stops nothing, but takes the rows that have met a stop token off those that are counted."""

    def __init__(self, counts: Counts, stops: Tensor) -> None:
        self.counts, self.stops = counts, stops
        self.ended: Tensor | None = None

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        now = torch.isin(input_ids[:, -1], self.stops)
        self.ended = now if self.ended is None else self.ended | now
        self.counts._read = (~self.ended).nonzero()[:, 0]
        return torch.zeros_like(now)


def bins_of(x: Tensor) -> Tensor:
    """Each number's bin, as an integer of the same size."""
    info = torch.finfo(x.dtype)
    mantissa, bias = -round(np.log2(info.eps)), 1 - round(np.log2(info.tiny))
    bits = x.view({2: torch.int16, 4: torch.int32}[x.dtype.itemsize])
    bins = (bits >> (mantissa - BITS)).sub_(((LOWEST + bias) << BITS) - 1).clamp_(0, BINS - 1)
    # Smaller positive numbers than the lowest bin's, by their bits: comparing bfloat16 takes eight times as long.
    return torch.maximum(bins, bits.clamp(0, 1))


class Survey:
    """Counts added up over batches, [layers, neurons, bins] for each group that occurred."""

    def __init__(self, modules: Modules, groups: int) -> None:
        self.shape = (groups, len(modules.layers), modules.width("mlp_act"))
        self.totals: dict[int, Tensor] = {}

    def add(self, counts: Counts) -> None:
        """A batch, once it is done: one that ran out of memory on the way has not been counted."""
        for group, histogram in zip(counts.present, counts.histograms, strict=True):
            if group in self.totals:
                self.totals[group] += histogram.cpu()
            else:
                self.totals[group] = histogram.cpu()

    def statistics(self) -> NeuronStatistics:
        tokens = np.zeros(self.shape[0], np.int64)
        positive, p95 = np.zeros(self.shape, np.int64), np.zeros(self.shape, np.float32)
        for group, histograms in self.totals.items():
            tokens[group] = int(histograms[0, 0].sum())
            for layer, histogram in enumerate(histograms):
                above = histogram.flip(1).cumsum(1, dtype=torch.int32)
                positive[group, layer] = above[:, -2].numpy()
                p95[group, layer] = _middles()[_bin_of_percentile(above, int(tokens[group]))]
        return NeuronStatistics(tokens, positive, p95, P95_ERROR)


def _bin_of_percentile(above: Tensor, tokens: int) -> Any:
    """[neurons]: the bin of the smallest value that at least 95 % of the tokens do not exceed.

    `above` [neurons, bins] counts from the highest bin downwards.
    """
    return (BINS - 1 - (above[:, :-1] <= tokens // 20).sum(1)).numpy()


def _middles() -> Any:
    """[bins]: the number that stands for each bin."""
    octave, step = np.divmod(np.arange(BINS - 1), 2**BITS)
    middles = 2.0 ** (LOWEST + octave) * (1 + (step + 0.5) / 2**BITS)
    return np.concatenate([[0.0], middles]).astype(np.float32)
