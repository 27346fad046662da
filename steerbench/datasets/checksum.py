"""Checksums of files."""

import hashlib
from pathlib import Path
from typing import BinaryIO, Literal

Algorithm = Literal["sha256", "git blob id"]

CHUNK = 1 << 20  # bytes


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_bytes(file: BinaryIO, size: int) -> str:
    """Hexadecimal sha256 of the next `size` bytes of an open file, or of fewer at its end."""
    state = hashlib.sha256()
    while size > 0 and (chunk := file.read(min(CHUNK, size))):
        state.update(chunk)
        size -= len(chunk)
    return state.hexdigest()


def git_blob_of(path: Path) -> str:
    """The id git has for a file's content (`git hash-object`): sha1 of "blob SIZE", a zero byte and the content."""
    state = hashlib.sha1(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            state.update(chunk)
    return state.hexdigest()


def checksum_of(path: Path, algorithm: Algorithm) -> str:
    """Hexadecimal checksum of a file's content."""
    return sha256_of(path) if algorithm == "sha256" else git_blob_of(path)
