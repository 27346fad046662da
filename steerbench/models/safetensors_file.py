"""Writes a safetensors file tensor by tensor, because the `safetensors` package needs all tensors in memory.

Layout (https://huggingface.co/docs/safetensors): eight bytes with the header's length, a JSON header, the tensors.
The result is byte for byte that of `safetensors.torch.save_file` for the same bfloat16 tensors.
"""

import json
import struct
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path

BFLOAT16 = 2  # bytes
HEADER_STEP = 8  # the header is padded to this many bytes


def write_bfloat16(path: Path, shapes: Mapping[str, tuple[int, ...]], pieces: Iterable[memoryview]) -> None:
    """Write tensors of these names and shapes, in this order.

    Args:
        pieces: the tensors' little-endian bytes, in order and in pieces of any size; their total must fit the shapes.
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + BFLOAT16 * prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % HEADER_STEP)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        written = sum(file.write(piece) for piece in pieces)
    if written != end:
        raise ValueError(f"{path.name} should hold {end} bytes of tensors and got {written}")
