"""What a disk or SQLite complains of, as a sentence with something to do."""

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
    """The user's cache of everything that can be had again; STEERBENCH_CACHE names another place."""
    return Path(os.environ.get("STEERBENCH_CACHE") or user_cache_path("steerbench", appauthor=False))


def write_whole(path: Path, text: str) -> None:
    """Put a text file there in one step, and its folder before it: whoever looks finds all of it or what was there."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place to write a file to, from where it is put to `path` in one step when left; nothing if that fails."""
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
    """Within, what goes wrong with the file `path` of a run becomes a UserError."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a row written twice is our mistake, not the user's
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
        return f"{path} is no ledger of steerbench; choose another place with --out."
    return f"The ledger {path} cannot be used: {' '.join(text.split())}."


def damaged(path: Path, wrong: str) -> str:
    """The sentence on a ledger that is not as it was written. What is wrong may be told in words of the ledger's."""
    what = " ".join(wrong.split())[:200]
    return (
        f"The ledger {path} was damaged or changed from outside ({what}): put a copy of it back, or start the run "
        "anew with --out."
    )


def _full(path: Path) -> str:
    return f"The disk that holds {path.parent} is full; free some space and start again: a run goes on from there."


def _refused(path: Path, error: OSError) -> str:
    return f"{path.parent} cannot be written to ({os.strerror(error.errno or 0)}); choose another place with --out."
