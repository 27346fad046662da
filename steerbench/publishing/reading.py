"""Reads untrusted published runs: regular files within size limits, and texts that are safe to print."""

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import polars as pl

from steerbench.errors import UserError
from steerbench.publishing.samples import read_samples
from steerbench.publishing.schema import PUBLISHED, SAMPLES, Published, read_published
from steerbench.publishing.weighing import weigh, weigh_all
from steerbench.storage.files import understandable


def read_whole(folder: Path, heavy: Mapping[Path, str] = MappingProxyType({})) -> tuple[Published, pl.DataFrame]:
    """A published run with its samples. Their size is checked first, unless `heavy` already has the result (`weighed`).

    Raises:
        UserError: the folder has other files or links, or a file cannot be read within the limits.
    """
    samples = _plain(folder)
    published = read_published(folder)
    with understandable(samples):
        if found := heavy[folder] if folder in heavy else weigh(samples):
            raise UserError(f"{SAMPLES} {found}.")
        with samples.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != published.samples_sha256:
        raise UserError(f"{SAMPLES} has sha256 {digest}, but {PUBLISHED} says {published.samples_sha256}.")
    return published, read_samples(folder)


def weighed(folders: Iterable[Path]) -> dict[Path, str]:
    """What is wrong with the size of each folder's samples, "" if nothing. One process reads all of them.

    Folders with anything but regular files are left out; reading them reports why.
    """
    samples = {}
    for folder in folders:
        with suppress(UserError, OSError):
            samples[folder] = _plain(folder)
    with understandable(next(iter(samples.values()), Path())):
        return dict(zip(samples, weigh_all(list(samples.values())), strict=True))


def _plain(folder: Path) -> Path:
    """The path of the samples in a folder that has exactly a published run's two files."""
    if folder.is_symlink():
        raise UserError("is a link; a published run has to be a folder.")
    with understandable(folder / PUBLISHED):
        entries = {entry.name: entry for entry in folder.iterdir()}
    for name in (PUBLISHED, SAMPLES):
        if name not in entries:
            raise UserError(f"has no {name}.")
    for name, entry in sorted(entries.items()):
        if name not in (PUBLISHED, SAMPLES):
            raise UserError(f"has '{name}' too; a published run is {PUBLISHED} and {SAMPLES} and nothing else.")
        if entry.is_symlink() or not entry.is_file():
            raise UserError(f"has a {name} that is not a regular file.")
    return entries[SAMPLES]


def readable(text: str, most: int = 600) -> str:
    """An untrusted text for a terminal: one line, without control characters."""
    return "".join(char if char.isprintable() else "?" for char in text[:most]) + ("..." if len(text) > most else "")
