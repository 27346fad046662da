"""What the numbers and arrays of every edit must be, in words that follow "the steering"."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from steerbench.contracts.edits.places import Positions

LONGEST_FRONT = 65_536
"""Tokens: each takes a row of its own in an engine's tables."""

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)

ORTHONORMAL = 1e-3
"""By how much products of directions that are to be orthonormal may be off: directions saved in half precision pass."""


def is_number(value: Any) -> bool:
    """Whether it is a finite number; a truth value, which Python counts among them, is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def position_faults(positions: Any, where: str) -> Iterator[str]:
    if not isinstance(positions, Positions) or positions.kind not in ("all", "front", "decode"):
        yield f"edits the positions {positions} {where}, where there are only all, front and decode"
    if positions.kind == "front":
        if not is_whole(positions.front) or not 1 <= positions.front <= LONGEST_FRONT:
            yield f"edits the first {positions.front!r} tokens {where}; it can be 1 to {LONGEST_FRONT} of them"
    elif positions.front != 0 or not is_whole(positions.front):
        yield f"has a front of {positions.front!r} tokens {where}, but edits positions {positions.kind}"


def number_faults(value: Any, what: str, where: str) -> Iterator[str]:
    """Of a number that is kept as float32."""
    if not is_number(value) or abs(value) > LARGEST_FLOAT32:
        yield f"has {what} of {value!r} {where}; it is a finite number that float32 can hold"


def flag_faults(value: Any, name: str, where: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"has {name}={value!r} {where}; it is true or false"


def array_faults(array: Any, dtype: type[np.generic], what: str) -> Iterator[str]:
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        given = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        yield f"has {given} {what}; it takes an array of {np.dtype(dtype)}"


def rows_faults(array: Any, what: str, where: str) -> Iterator[str]:
    """Of a matrix [rows, dim] of finite float32 numbers that has a row at least."""
    yield from array_faults(array, np.float32, f"as the {what} {where}")
    if array.ndim != 2 or not array.size:
        yield f"has {shaped(array)} {what} {where}; it takes rows as wide as the site"
    if not np.isfinite(array).all():
        yield f"has {what} {where} that are infinite or nan"


def row_faults(array: Any, what: str, where: str) -> Iterator[str]:
    """Of a vector [dim] of finite float32 numbers that are not all 0."""
    yield from array_faults(array, np.float32, f"as the {what} {where}")
    if array.ndim != 1 or not array.size:
        yield f"has a {shaped(array)} {what} {where}; it takes one row as wide as the site"
    if not np.isfinite(array).all():
        yield f"has a {what} {where} with numbers that are infinite or nan"
    if not array.any():
        yield f"has a {what} {where} that is 0 everywhere, which is no direction"


def unit_faults(array: Any, what: str, where: str) -> Iterator[str]:
    """Of a vector [dim] of length 1."""
    yield from row_faults(array, what, where)
    if abs(float(np.linalg.norm(array.astype(np.float64))) - 1) > ORTHONORMAL:
        yield f"has a {what} {where} that is not of length 1"


def orthonormal_faults(rows: Any, what: str, where: str) -> Iterator[str]:
    """Of directions [rows, dim] that must be of length 1 and at right angles."""
    wide = np.asarray(rows, np.float64)
    if len(wide) > wide.shape[1]:
        yield f"has {len(wide)} {what} {where}, where a site of {wide.shape[1]} numbers has no more than these"
    if np.abs(wide @ wide.T - np.eye(len(wide))).max() > ORTHONORMAL:
        yield f"has {what} {where} that are not orthonormal; make them of length 1 and at right angles to each other"


def shaped(array: Any) -> str:
    return "x".join(map(str, array.shape)) or "single-number"
