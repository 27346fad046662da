"""Reads the header of a GGUF file: its metadata, and the place of each tensor. Reads no tensor.

The `gguf` package's reader takes ten seconds for the vocabulary of a common model, and fails with numpy's errors on a
truncated file. Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import mmap
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

from steerbench.errors import UserError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT = 32  # bytes; the default

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""GGUF's fixed-size value types, by their `struct` format."""
STRING, ARRAY = 8, 9

TYPES = ("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K")
"""The supported tensor types; each is tested against its definition."""

SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)


@dataclass(frozen=True)
class Stored:
    """A tensor in the file: `shape` in torch's order (rows first), `start` in bytes from the file's beginning."""

    name: str
    shape: tuple[int, ...]
    kind: GGMLQuantizationType
    start: int

    @property
    def row_bytes(self) -> int:
        """Bytes of one row, which is a whole number of blocks."""
        per_block, block_bytes = GGML_QUANT_SIZES[self.kind]
        return self.shape[-1] // per_block * block_bytes

    @property
    def rows(self) -> int:
        return prod(self.shape[:-1])

    @property
    def end(self) -> int:
        return self.start + self.rows * self.row_bytes


@dataclass(frozen=True)
class GGUFFile:
    """The header of a complete file with supported tensor types; `spec` is the user's name for it."""

    path: Path
    spec: str
    metadata: Mapping[str, Any]
    tensors: tuple[Stored, ...]

    @property
    def architecture(self) -> str:
        return str(self.metadata["general.architecture"])


def read_gguf(path: Path, spec: str) -> GGUFFile:
    """Read a file's header, and check that the file holds all the tensors it names.

    Raises:
        UserError: it is not a GGUF file, is damaged, truncated or one part of a split file, or has an unsupported type.
    """
    if SPLIT.search(path.name):
        raise UserError(f"{spec} is one part of a split GGUF file; {_MERGE}.")
    try:
        with path.open("rb") as opened:
            if opened.read(len(MAGIC)) != MAGIC:
                raise UserError(f"{spec} is not a GGUF file: it does not begin with 'GGUF'; get a whole copy of it.")
        with _damage(spec), path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            metadata, tensors = _Header(data).read()
            size = len(data)
    except OSError as error:
        raise UserError(f"The GGUF file {spec} cannot be read ({error.strerror}).") from error
    _check(spec, metadata, tensors, size)
    return GGUFFile(path, spec, metadata, tuple(tensors))


_AGAIN = "get a whole copy of it"
_MERGE = "join the parts (`llama-gguf-split --merge` of llama.cpp) and name the resulting file"


def _check(spec: str, metadata: Mapping[str, Any], tensors: list[Stored], size: int) -> None:
    if metadata.get("split.count", 1) != 1:
        raise UserError(f"{spec} is one of the {metadata['split.count']} parts of a split GGUF file; {_MERGE}.")
    if "general.architecture" not in metadata or not tensors:
        raise UserError(f"{spec} is a GGUF file that holds no model; {_AGAIN}.")
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise UserError(f"{spec} is a GGUF file that is damaged (two tensors have one name); {_AGAIN}.")
    foreign = sorted({tensor.kind.name for tensor in tensors} - set(TYPES))
    if foreign:
        raise UserError(
            f"{spec} is a GGUF file with weights of the unsupported type {foreign[0]}; use one whose types are among "
            f"{', '.join(TYPES)} (Q4_K_M, Q5_K_M, Q6_K and Q8_0 files are)."
        )
    end = max(tensor.end for tensor in tensors)
    if end > size:
        raise UserError(
            f"{spec} is a GGUF file that is cut short: {size:,} of {end:,} bytes are there; finish its download."
        )


@contextmanager
def _damage(spec: str) -> Iterator[None]:
    """Context manager that turns every error from a damaged header into a UserError."""
    try:
        yield
    except (struct.error, ValueError, KeyError, ZeroDivisionError, OverflowError, MemoryError) as error:
        raise UserError(
            f"{spec} is a GGUF file that is damaged or cut short: its header cannot be read; {_AGAIN}."
        ) from error


class _Header:
    """Reads the header's values in order."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._place = data, len(MAGIC)

    def read(self) -> tuple[dict[str, Any], list[Stored]]:
        version, tensors, values = self._take("IQQ")
        if version not in VERSIONS:
            raise ValueError(f"version {version}")
        metadata = {self._string(): self._value() for _ in range(values)}
        found = [(self._string(), *self._tensor()) for _ in range(tensors)]
        step = int(metadata.get("general.alignment", ALIGNMENT))
        start = -(-self._place // step) * step
        return metadata, [Stored(name, shape, kind, start + offset) for name, shape, kind, offset in found]

    def _tensor(self) -> tuple[tuple[int, ...], GGMLQuantizationType, int]:
        (dimensions,) = self._take("I")
        if not 0 < dimensions <= 4:
            raise ValueError(f"{dimensions} dimensions")
        shape = tuple(reversed(self._take(f"{dimensions}Q")))
        number, offset = self._take("IQ")
        kind = GGMLQuantizationType(number)
        if not all(shape) or shape[-1] % GGML_QUANT_SIZES[kind][0]:
            raise ValueError(f"a shape of {shape}")
        return shape, kind, offset

    def _value(self) -> Any:
        (kind,) = self._take("I")
        if kind != ARRAY:
            return self._string() if kind == STRING else self._take(SCALARS[kind])[0]
        kind, length = self._take("IQ")
        # Every element takes at least a byte, so a false length fails before memory is allocated.
        if length > len(self._data) - self._place:
            raise ValueError(f"an array of {length}")
        return (
            [self._string() for _ in range(length)] if kind == STRING else list(self._take(f"{length}{SCALARS[kind]}"))
        )

    def _string(self) -> str:
        (length,) = self._take("Q")
        text = self._data[self._place : self._place + length]
        if len(text) != length:
            raise ValueError(f"a text of {length}")
        self._place += length
        return text.decode("utf-8")

    def _take(self, layout: str) -> tuple[Any, ...]:
        found = struct.unpack_from(f"<{layout}", self._data, self._place)
        self._place += struct.calcsize(f"<{layout}")
        return found
