"""Histograms of FFN neurons' activations by group of requests, from which neuron statistics are computed.

Memory does not grow with the number of tokens. Activations are buffered, then counted layer by layer. A value's bin is
an integer shift of its bit pattern, with sixteen bins per octave. Counts are int32 [groups, layers, neurons, bins]:
36 MB per group for 30 layers of 1,536 neurons, 354 MB for 32 layers of 14,336.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LOWEST, OCTAVES, BITS = -7, 12, 4
"""Bins start at 2**LOWEST and span OCTAVES octaves, with 2**BITS bins each."""

BINS = 1 + (OCTAVES << BITS)
"""Bin 0 holds values that are not positive. Values below the range count in bin 1, those above in the last bin."""

P95_ERROR = 2.0 ** -(BITS + 1)
"""Largest relative error of `p95`, for values within the range: half a bin relative to its lower end."""

BUFFERED = {"cpu": 2048, "cuda": 512}
"""Tokens that are buffered before counting; on a CPU enough to amortise reading a layer's counts into the cache."""

COLUMNS = {"cpu": 64, "cuda": 4096}
"""Neurons counted at once; on a CPU few enough that their counts stay in the cache."""


class Histograms:
    """Activation histograms of several groups; each call of `keep` has at most `rows` tokens."""

    def __init__(self, groups: int, layers: int, neurons: int, rows: int, dtype: torch.dtype, device: torch.device):
        self.counts = torch.zeros(groups, layers, neurons, BINS, dtype=torch.int32, device=device)
        buffered = max(BUFFERED[device.type], rows)
        self._buffer = torch.empty(layers, buffered, neurons, dtype=dtype, device=device)
        self._groups = torch.empty(buffered, dtype=torch.long, device=device)
        self._filled = 0

    def keep(self, layer: int, x: Tensor, groups: Tensor) -> None:
        """Buffer one layer's activations [tokens, neurons] and the tokens' groups; call it for each layer in order."""
        count = len(groups)
        if layer == 0:
            if self._filled + count > len(self._groups):
                self.flush()
            self._groups[self._filled : self._filled + count] = groups
        self._buffer[layer, self._filled : self._filled + count] = x
        if layer == len(self._buffer) - 1:
            self._filled += count

    def flush(self) -> None:
        """Count the buffered activations, some neurons of a layer at a time."""
        layers, _, neurons = self._buffer.shape
        per_group, per_layer, per_neuron, _ = self.counts.stride()
        columns = min(COLUMNS[self._buffer.device.type], neurons)
        first = torch.arange(columns, device=self._buffer.device) * per_neuron
        first = first + self._groups[: self._filled, None] * per_group
        ones = torch.ones(first.numel(), dtype=torch.int32, device=self._buffer.device)
        for layer in range(layers):
            for start in range(0, neurons, columns):
                bins = bins_of(self._buffer[layer, : self._filled, start : start + columns])
                counters = self.counts.view(-1)[layer * per_layer + start * per_neuron :]
                counters.scatter_add_(0, (first[:, : bins.shape[1]] + bins).view(-1), ones[: bins.numel()])
        self._filled = 0


def bins_of(x: Tensor) -> Tensor:
    """Each number's bin, as an integer of the same size."""
    info = torch.finfo(x.dtype)
    mantissa, bias = -round(np.log2(info.eps)), 1 - round(np.log2(info.tiny))
    bits = x.view({2: torch.int16, 4: torch.int32}[x.dtype.itemsize])
    bins = (bits >> (mantissa - BITS)).sub_(((LOWEST + bias) << BITS) - 1).clamp_(0, BINS - 1)
    # Compare bits to find values below the lowest bin: comparing bfloat16 takes eight times as long.
    return torch.maximum(bins, bits.clamp(0, 1))


def summed_up(counts: Tensor) -> tuple[int, NDArray[np.int64], NDArray[np.float32]]:
    """Summarise a group's counts [layers, neurons, bins]: number of tokens, `positive` and `p95` [layers, neurons]."""
    tokens = int(counts[0, 0].sum())
    positive, p95 = np.zeros(counts.shape[:2], np.int64), np.zeros(counts.shape[:2], np.float32)
    for layer, histogram in enumerate(counts):
        upto = histogram.cumsum(1, dtype=torch.int32)
        positive[layer] = tokens - upto[:, 0].cpu().numpy()
        p95[layer] = _middles()[_bin_of_percentile(upto, tokens)]
    return tokens, positive, p95


def _bin_of_percentile(upto: Tensor, tokens: int) -> Any:
    """[neurons]: the bin of the 95th percentile, the smallest value that at least 95 % of the tokens do not exceed.

    `upto` [neurons, bins] are cumulative counts.
    """
    return (BINS - 1 - (upto[:, :-1] >= tokens - tokens // 20).sum(1)).cpu().numpy()


def _middles() -> Any:
    """[bins]: the midpoint of each bin."""
    octave, step = np.divmod(np.arange(BINS - 1), 2**BITS)
    middles = 2.0 ** (LOWEST + octave) * (1 + (step + 0.5) / 2**BITS)
    return np.concatenate([[0.0], middles]).astype(np.float32)
