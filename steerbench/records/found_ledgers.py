"""Opens existing ledgers read-only. Damaged ledgers, and files that are not ledgers, are refused with a clear error."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from steerbench.errors import UserError
from steerbench.records import sealing
from steerbench.records.plan import Identity, Plan, differences
from steerbench.storage.files import damaged, understandable
from steerbench.storage.stamps import Stamp, stamp_of

LEDGER = "ledger.sqlite"
SCHEMA = 3
SEALED = 3
"""The first schema with seals. An older ledger is read without them; resuming its run adds them."""

META = {"schema", "identity", "digest", "plan"}
"""Keys that the `meta` table of every ledger has."""

_sound: set[tuple[Path, Stamp]] = set()
"""Ledgers that this process has already checked completely, so that each is checked once."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A checked, read-only connection to a ledger.

    Raises:
        UserError: the file is missing, not a ledger, damaged, from a newer steerbench, or being written by a run.
    """
    if not path.is_file():
        raise UserError(f"There is no run in {path.parent}: it holds no {path.name}.")
    with opening(path), closing(_connected(path)) as connection:
        check(path, connection, None)
        yield connection


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Context manager that turns SQLite, operating-system and decoding errors into a UserError."""
    with understandable(path):
        try:
            yield
        except UnicodeDecodeError as error:  # a stored text, or SQLite's message about it, is not UTF-8
            raise UserError(damaged(path, str(error))) from error


def check_sound(path: Path) -> None:
    """Check a ledger. Raises UserError as `reading` does."""
    with reading(path):
        pass


def read_plan(path: Path) -> Plan:
    """The plan a run was started with."""
    with reading(path) as connection:
        return Plan.model_validate_json(connection.execute("SELECT value FROM meta WHERE key = 'plan'").fetchone()[0])


def check(path: Path, connection: sqlite3.Connection, identity: Identity | None) -> None:
    """Check a whole ledger before any of it is used.

    Raises:
        UserError: it is not a ledger, is damaged, was written by a newer steerbench, or has another identity.
    """
    meta = _meta(connection)
    if not meta.keys() >= META or not meta["schema"].isdecimal():
        raise UserError(f"{path} is not a steerbench ledger; choose another folder with --out.")
    if int(meta["schema"]) > SCHEMA:
        raise UserError(
            f"{path} was written by a newer steerbench (schema {meta['schema']}, this one reads {SCHEMA}); "
            "upgrade steerbench."
        )
    if (stamp := _stamp(path)) is None or (path, stamp) not in _sound:
        if wrong := _damage(connection, int(meta["schema"])):
            raise UserError(damaged(path, wrong))
        if stamp is not None:
            _sound.add((path, stamp))
    if identity is not None and meta["digest"] != identity.digest:
        changes = differences(json.loads(meta["identity"]), identity.fields)
        raise UserError(
            f"The run in {path.parent} is a different one ({'; '.join(changes[:3])}); start a new one with --out."
        )


def _meta(connection: sqlite3.Connection) -> dict[str, str]:
    """The `meta` table. Bytes that are not UTF-8 are replaced, so that a damaged ledger can still be diagnosed."""
    rows = connection.execute("SELECT CAST(key AS BLOB), CAST(value AS BLOB) FROM meta")
    return {str(key, "utf-8", "replace"): str(value, "utf-8", "replace") for key, value in rows if key and value}


def _connected(path: Path) -> sqlite3.Connection:
    """A read-only connection. In a read-only folder SQLite cannot create its side files, so it opens as immutable."""
    alone = not os.access(path.parent, os.W_OK) and not _log(path).exists()
    how = "mode=ro&immutable=1" if alone else "mode=ro"
    return sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=0.2)


def _stamp(path: Path) -> Stamp | None:
    """The file's stamp; None if a write-ahead log, left by a killed process, still holds changes."""
    return None if _log(path).exists() else stamp_of(path)


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _damage(connection: sqlite3.Connection, schema: int) -> str:
    """What is wrong with the file's structure or rows, in words; "" if nothing is."""
    if (told := str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])) != "ok":
        return told.splitlines()[-1]
    if sealing.is_sealed(connection):
        broken = sealing.broken(connection)
        return f"the rows of the table '{broken[0]}' do not match their seal" if broken else ""
    if schema >= SEALED:
        return "its seals are missing"
    unreadable = "SELECT 1 FROM samples WHERE NOT (json_valid(outcome) AND json_valid(score)) LIMIT 1"
    return "a sample cannot be read" if connection.execute(unreadable).fetchone() else ""
