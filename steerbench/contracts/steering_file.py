"""Steering files: one safetensors file each, its arrays as tensors, the rest as metadata (`steering_schema`).

Whatever is wrong with a file is found here, before a model is loaded, and said in one sentence that names it.
Files of equal steerings are equal, byte by byte.
"""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.steering import Steering
from steerbench.contracts.steering_schema import Unusable, described, description
from steerbench.errors import UserError

SUFFIX = ".safetensors"
DESCRIPTION = "steerbench_steering"
"""The entry of the metadata that describes the steering; the others tell where it is from."""

LARGEST = 2**30
"""Bytes: many times what the largest models need."""

PICKLES = (b"\x80", b"PK\x03\x04")
"""How a pickle starts, alone or zipped as PyTorch has it."""


def read_steering(path: Path) -> tuple[Steering, dict[str, str]]:
    """Read a saved steering and its provenance.

    Raises:
        UserError: the file is missing, no safetensors file, or holds no steering that could be run.
    """
    from safetensors import SafetensorError, safe_open

    _check_file(path)
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            if DESCRIPTION not in metadata:
                raise UserError(f"{path} holds tensors but no steering; it was not written by steerbench.")
            return _steering(file, metadata), {key: text for key, text in metadata.items() if key != DESCRIPTION}
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(_not_safetensors(path, error)) from None
    except Unusable as reason:
        raise UserError(f"{path} holds no steering that can be used: {plain(str(reason))}; {reason.remedy}.") from None


def save_steering(steering: Steering, path: Path, provenance: Mapping[str, str]) -> None:
    """Write a steering file in one step; `provenance` is said to whoever reads it.

    Raises:
        UserError: it could not be read again.
        OSError: the file cannot be written.
    """
    from safetensors.numpy import save

    try:
        text, arrays = description(steering)
    except Unusable as reason:
        raise UserError(f"{path} cannot be written, for nobody could use the steering: {plain(str(reason))}.") from None
    # It writes memory as it lies, whatever the strides.
    lying = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    data = _in_order(save(lying, {**provenance, DESCRIPTION: text}))
    if len(data) > LARGEST:
        raise UserError(f"{path} is not written: a steering of {len(data)} bytes is too large, {LARGEST} are the most.")
    temporary = path.with_name(f"{path.name}.partial")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def plain(text: str, most: int = 300) -> str:
    """A text from a file as it may be shown in a terminal: one line, without control characters, of some length."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[: most + 1])
    return shown if len(shown) <= most else f"{shown[:most]} ..."


def _check_file(path: Path) -> None:
    """Raises UserError: there is nothing at the path that could be a steering file."""
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            with path.open("rb") as file:
                start = file.read(9)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"There is no steering file at {path}.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({_complaint(error)}).") from None
    if stat.S_ISDIR(found.st_mode):
        raise UserError(f"{path} is a folder, not a steering file; name one of the {SUFFIX} files in it.")
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{path} is no ordinary file; name a steering's {SUFFIX} file.")
    if not found.st_size:
        raise UserError(f"{path} is empty; fit the steering again.")
    if found.st_size > LARGEST:
        raise UserError(f"{path} is too large for a steering ({found.st_size} bytes of at most {LARGEST}).")
    if start.startswith(PICKLES) and start[8:] != b"{":
        raise UserError(f"{path} looks like a pickle, which steerbench never loads; steerings are {SUFFIX} files.")


def _complaint(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)


def _not_safetensors(path: Path, error: Exception) -> str:
    return f"{path} is not a whole and readable safetensors file ({plain(_complaint(error))}); fit the steering again."


def _steering(file: Any, metadata: Mapping[str, str]) -> Steering:
    """The steering in an open file. Raises Unusable."""
    found = described(metadata[DESCRIPTION])
    return found.steering(_arrays(file, found.tensors()))


def _arrays(file: Any, expected: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """The tensors of an open file, which must be just those expected, of the types expected. Raises Unusable."""
    names = set(file.keys())
    if lacking := sorted(expected.keys() - names):
        raise Unusable(f"the tensor {lacking[0]} is missing")
    if unused := sorted(names - expected.keys()):
        raise Unusable(f"no edit has a use for the tensor '{unused[0]}'")
    for name, wanted in expected.items():
        if (given := file.get_slice(name).get_dtype()) != wanted:
            raise Unusable(f"the tensor {name} is of type {given}, where it must be {wanted}")
    return {name: file.get_tensor(name) for name in expected}


def _in_order(data: bytes) -> bytes:
    """A safetensors file with its header's entries in order: safetensors writes the metadata in a random one."""
    size = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + size]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]
