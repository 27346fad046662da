"""Reads published runs, which may be anybody's: plain files of a folder within limits, and texts for a terminal."""

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
    """A published run with its samples, which are weighed first unless `heavy` tells of them (`weighed`).

    Raises:
        UserError: something else lies there, a link, or a file that cannot be read within limits.
    """
    samples = _plain(folder)
    published = read_published(folder)
    with understandable(samples):
        if found := heavy[folder] if folder in heavy else weigh(samples):
            raise UserError(f"{SAMPLES} {found}.")
        with samples.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != published.samples_sha256:
        raise UserError(f"{SAMPLES} has sha256 {digest}, and {PUBLISHED} says {published.samples_sha256}.")
    return published, read_samples(folder)


def weighed(folders: Iterable[Path]) -> dict[Path, str]:
    """What is wrong with the size of each folder's samples, "" if nothing is: one process reads them all.

    Folders that hold anything but plain files are left out: reading them tells why.
    """
    samples = {}
    for folder in folders:
        with suppress(UserError, OSError):
            samples[folder] = _plain(folder)
    with understandable(next(iter(samples.values()), Path())):
        return dict(zip(samples, weigh_all(list(samples.values())), strict=True))


def _plain(folder: Path) -> Path:
    """The samples of a folder that is a published run's two files and nothing else."""
    if folder.is_symlink():
        raise UserError("is a link; a published run is a folder of its own.")
    with understandable(folder / PUBLISHED):
        entries = {entry.name: entry for entry in folder.iterdir()}
    for name in (PUBLISHED, SAMPLES):
        if name not in entries:
            raise UserError(f"holds no {name}.")
    for name, entry in sorted(entries.items()):
        if name not in (PUBLISHED, SAMPLES):
            raise UserError(f"holds '{name}' too; a published run is {PUBLISHED} and {SAMPLES} and nothing else.")
        if entry.is_symlink() or not entry.is_file():
            raise UserError(f"holds a {name} that is no plain file.")
    return entries[SAMPLES]


def readable(text: str, most: int = 600) -> str:
    """A text that may be hostile, for a terminal: one line, with nothing that steers it."""
    return "".join(char if char.isprintable() else "?" for char in text[:most]) + ("..." if len(text) > most else "")
