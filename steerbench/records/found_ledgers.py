"""Ledgers as they are found: opened to look only, and told from damaged ones and from what is none."""

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
"""The first schema with seals. What an older steerbench began is read without, and sealed by who goes on with it."""

META = {"schema", "identity", "digest", "plan"}
"""What every ledger says of itself."""

_sound: set[tuple[Path, Stamp]] = set()
"""Ledgers that were read from end to end by this process, and found sound."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A ledger opened to look only.

    Raises:
        UserError: there is none, it is no ledger, damaged, of a newer steerbench, or a run is writing it.
    """
    if not path.is_file():
        raise UserError(f"There is no run in {path.parent}: it holds no {path.name}.")
    with opening(path), closing(_connected(path)) as connection:
        check(path, connection, None)
        yield connection


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Within, what goes wrong with a ledger becomes a UserError."""
    with understandable(path):
        try:
            yield
        except UnicodeDecodeError as error:  # a text in it, or what SQLite says of one, is none
            raise UserError(damaged(path, str(error))) from error


def check_sound(path: Path) -> None:
    """Raises UserError: as `reading`."""
    with reading(path):
        pass


def read_plan(path: Path) -> Plan:
    """The plan a run was started with."""
    with reading(path) as connection:
        return Plan.model_validate_json(connection.execute("SELECT value FROM meta WHERE key = 'plan'").fetchone()[0])


def check(path: Path, connection: sqlite3.Connection, identity: Identity | None) -> None:
    """Look at all of a ledger before anything in it is believed.

    Raises:
        UserError: it is no ledger, a newer steerbench's, damaged, or not of this identity.
    """
    meta = _meta(connection)
    if not meta.keys() >= META or not meta["schema"].isdecimal():
        raise UserError(f"{path} is no ledger of steerbench; choose another folder with --out.")
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
            f"The run in {path.parent} is another one ({'; '.join(changes[:3])}); start a new one with --out."
        )


def _meta(connection: sqlite3.Connection) -> dict[str, str]:
    """What it says of itself, read as text though it be none."""
    rows = connection.execute("SELECT CAST(key AS BLOB), CAST(value AS BLOB) FROM meta")
    return {str(key, "utf-8", "replace"): str(value, "utf-8", "replace") for key, value in rows if key and value}


def _connected(path: Path) -> sqlite3.Connection:
    """SQLite keeps files beside a ledger that it reads, which it need not where nobody can write."""
    alone = not os.access(path.parent, os.W_OK) and not _log(path).exists()
    how = "mode=ro&immutable=1" if alone else "mode=ro"
    return sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=0.2)


def _stamp(path: Path) -> Stamp | None:
    """None where changes are in a log beside the file, which a process that was killed leaves."""
    return None if _log(path).exists() else stamp_of(path)


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _damage(connection: sqlite3.Connection, schema: int) -> str:
    """What is wrong with the file, its tables and indexes, or with its rows; empty if nothing is."""
    if (told := str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])) != "ok":
        return told.splitlines()[-1]
    if sealing.is_sealed(connection) or schema >= SEALED:
        broken = sealing.broken(connection) if sealing.is_sealed(connection) else ["seals"]
        return f"what stands in '{broken[0]}' is not what was written there" if broken else ""
    unreadable = "SELECT 1 FROM samples WHERE NOT (json_valid(outcome) AND json_valid(score)) LIMIT 1"
    return "a sample cannot be read" if connection.execute(unreadable).fetchone() else ""
