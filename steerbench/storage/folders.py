"""Replaces folders atomically: a reader, or a killed process, leaves the old folder or the new one, never half."""

import ctypes
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Arguments of Linux's renameat2."""
RENAME_SWAP = 2
"""Argument of macOS's renamex_np."""


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yields an empty folder of the same name that replaces `folder` on exit, unless there was an error."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _aside(folder) as work:
        new = work / folder.name
        new.mkdir()
        yield new
        _put(new, folder, work)


def discard(folder: Path) -> None:
    """Move a folder aside atomically, then delete it."""
    with _aside(folder) as work:
        folder.rename(work / folder.name)


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A hidden working folder beside `folder`, deleted on exit along with those that killed processes left."""
    pattern = re.compile(rf"\.{re.escape(folder.name)}-(\d+)-\w+")
    for entry in folder.parent.iterdir():
        if (told := pattern.fullmatch(entry.name)) and not psutil.pid_exists(int(told[1])):
            shutil.rmtree(entry, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-{os.getpid()}-", dir=folder.parent))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _put(new: Path, folder: Path, work: Path) -> None:
    """Move `new` to `folder`, and what was there before into `work`."""
    if not folder.is_dir():
        new.rename(folder)  # fails if a file is there
    elif not _exchanged(new, folder):
        # If the file system cannot swap folders, neither exists for a moment; the old one is in `work` then.
        folder.rename(work / "old")
        new.rename(folder)


def _exchanged(one: Path, other: Path) -> bool:
    """Swap two folders atomically; False if the system cannot."""
    first, second, system = os.fsencode(one), os.fsencode(other), platform.system()
    failed = -1
    with suppress(AttributeError):  # an older C library
        if system == "Linux":
            failed = ctypes.CDLL(None).renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE)
        elif system == "Darwin":
            failed = ctypes.CDLL(None).renamex_np(first, second, RENAME_SWAP)
    return failed == 0
