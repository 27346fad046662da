"""Writes files atomically, and turns errors of the disk and of SQLite into sentences that say what to do."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path
from safetensors import SafetensorError

from steerbench.errors import UserError


def cache_folder() -> Path:
    """The user's cache folder, for files that can be downloaded or computed again; STEERBENCH_CACHE overrides it."""
    return Path(os.environ.get("STEERBENCH_CACHE") or user_cache_path("steerbench", appauthor=False))


def write_whole(path: Path, text: str) -> None:
    """Write a text file atomically, creating its folder: a reader sees the old file or all of the new one."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write to; on exit it replaces `path` atomically, on error it is deleted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{os.getpid()}.partial")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def understandable(path: Path) -> Iterator[None]:
    """Context manager that turns errors with a run's file `path` (SQLite, operating system, Polars) into UserError."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a duplicate row is a bug, not a user error
    except sqlite3.Error as error:
        raise UserError(_sentence(path, str(error))) from error
    except OSError as error:
        raise UserError(_full(path) if error.errno == errno.ENOSPC else _refused(path, error)) from error
    except SafetensorError as error:
        raise UserError(
            _full(path) if "No space left" in str(error) else f"{path} cannot be written: {error}."
        ) from error


def _sentence(path: Path, text: str) -> str:
    if "is full" in text:
        return _full(path)
    if "locked" in text:
        return f"Another process is writing the run in {path.parent}; wait for it or stop it."
    if "readonly" in text or "unable to open" in text:
        return f"The run folder {path.parent} cannot be written to; choose another place with --out."
    if "malformed" in text or "corrupt" in text or "decode to UTF-8" in text:
        return damaged(path, text)
    if "not a database" in text or "no such table" in text or "no such column" in text:
        return f"{path} is not a steerbench ledger; choose another place with --out."
    return f"The ledger {path} cannot be used: {' '.join(text.split())}."


def damaged(path: Path, wrong: str) -> str:
    """The error for a damaged ledger. `wrong` may quote the ledger, so it is shortened and escaped."""
    what = " ".join(wrong.split())[:200]
    return (
        f"The ledger {path} was damaged or changed from outside ({what}): put a copy of it back, or start the run "
        "anew with --out."
    )


def _full(path: Path) -> str:
    return f"The disk that holds {path.parent} is full; free some space and start again: a run goes on from there."


def _refused(path: Path, error: OSError) -> str:
    return f"{path.parent} cannot be written to ({os.strerror(error.errno or 0)}); choose another place with --out."
