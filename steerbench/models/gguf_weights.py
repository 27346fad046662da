"""Dequantises the tensors of a GGUF file to bfloat16, a few rows at a time to bound memory."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import dequantize
from torch import Tensor

from steerbench.models.gguf_file import GGUFFile, Stored
from steerbench.models.safetensors_file import BFLOAT16, write_bfloat16

AT_ONCE = 1 << 20  # numbers that are dequantised together

TensorsRead = Callable[[int], None]
"""Called with the number of bytes written since the last call."""


def write_weights(
    file: GGUFFile, names: dict[str, str], heads: dict[str, int], path: Path, on_bytes: TensorsRead = lambda _: None
) -> None:
    """Write a file's tensors as bfloat16 safetensors, in the order of their new names.

    Args:
        names: the tensors to write, from their GGUF name to their new name.
        heads: by name, the number of heads of each tensor with interleaved rows.
    """
    tensors = sorted((tensor for tensor in file.tensors if tensor.name in names), key=lambda each: names[each.name])
    # A memory map, so that pages are read on demand and freed.
    data = np.memmap(file.path, mode="r", dtype=np.uint8)

    def pieces() -> Iterator[memoryview]:
        for tensor in tensors:
            for numbers in bfloat16_rows(data, tensor, heads.get(tensor.name)):
                on_bytes(BFLOAT16 * numbers.numel())
                yield numbers.view(torch.int16).numpy().data.cast("B")

    write_bfloat16(path, {names[tensor.name]: tensor.shape for tensor in tensors}, pieces())


def bfloat16_rows(data: Any, tensor: Stored, heads: int | None = None) -> Iterator[Tensor]:
    """A tensor's rows [rows, width] in pieces. With `heads`, each head's rows are put into transformers' order."""
    stored = data[tensor.start : tensor.end].reshape(tensor.rows, tensor.row_bytes)
    order: Any = slice(None) if heads is None else rotary_order(tensor.rows, heads)
    step = max(1, AT_ONCE // tensor.shape[-1])
    for first in range(0, tensor.rows, step):
        rows = stored[first : first + step] if heads is None else stored[order[first : first + step]]
        # As one row: the package dequantises sixteen rows per call, so many short rows would be slow.
        numbers = dequantize(_typed(rows, tensor).reshape(1, -1), tensor.kind)
        yield torch.from_numpy(np.array(numbers, dtype=np.float32)).to(torch.bfloat16).reshape(-1, tensor.shape[-1])


def rotary_order(rows: int, heads: int) -> Sequence[int]:
    """For each row of the result, its index in the file.

    llama.cpp rotates neighbouring rows, transformers rotates row i with row i + dim / 2. So in GGUF files the rows of
    each head's two halves alternate.
    """
    places: Sequence[int] = np.arange(rows).reshape(heads, -1, 2).swapaxes(1, 2).reshape(-1)  # type: ignore[assignment]
    return places


def _typed(rows: Any, tensor: Stored) -> Any:
    """The input of `dequantize`: bytes of quantised types, numbers of plain ones."""
    plain = {"F32": np.float32, "F16": np.float16}.get(tensor.kind.name)
    flat = np.ascontiguousarray(rows)
    return flat if plain is None else flat.view(plain)
