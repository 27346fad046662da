"""Seals: one hash over the rows of each table of a ledger, renewed in the transaction that changes them.

So whoever opens a ledger sees whether a row was changed, added or taken out by anything but steerbench: a bad disk,
a half copy, a careless edit. It is no signature: who means to forge a ledger can forge its seals.

A table's seal is the sum of its rows' hashes and that of the statement that made it, so that a write costs by what it
writes and not by what is there.
"""

import sqlite3
from hashlib import blake2b
from typing import Any

TABLES = ("meta", "fits", "samples", "choices", "stages", "verdicts")
SEALS = "CREATE TABLE IF NOT EXISTS seals (name TEXT PRIMARY KEY, total TEXT NOT NULL) STRICT"

EMPTY = "0" * 32
_MODULUS = 1 << 128


def is_sealed(connection: sqlite3.Connection) -> bool:
    """Whether there are seals: ledgers of before schema 3 have none."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'seals'").fetchone() is not None


def begin(connection: sqlite3.Connection) -> None:
    """Seal a ledger that has no seals yet, as it is, and keep its seals from now on. Within a transaction."""
    if not is_sealed(connection):
        connection.execute(SEALS)
        totals = [(name, _total(connection, name)) for name in TABLES]
        connection.executemany("INSERT INTO seals VALUES (?, ?)", totals)
    _keep(connection)


def broken(connection: sqlite3.Connection) -> list[str]:
    """The tables whose rows are not those that were written."""
    told = dict(connection.execute("SELECT name, total FROM seals"))
    return [name for name in TABLES if told.get(name) != _total(connection, name)]


def _keep(connection: sqlite3.Connection) -> None:
    """Renew the seals with whatever this connection writes. The triggers are its own: the file has none."""
    connection.create_function("seal_with", -1, _with, deterministic=True)
    connection.create_function("seal_without", -1, _without, deterministic=True)
    connection.execute("PRAGMA recursive_triggers = ON")  # for without it, a row that is replaced is not one deleted
    for name in TABLES:
        old, new = (f"'{name}', {', '.join(_columns(connection, name, f'{row}.'))}" for row in ("OLD", "NEW"))
        changes = {
            "INSERT": f"seal_with(total, {new})",
            "DELETE": f"seal_without(total, {old})",
            "UPDATE": f"seal_with(seal_without(total, {old}), {new})",
        }
        for event, total in changes.items():
            connection.execute(
                f"CREATE TEMP TRIGGER seal_{name}_{event} AFTER {event} ON main.{name} BEGIN "
                f"UPDATE seals SET total = {total} WHERE name = '{name}'; END"
            )


def _total(connection: sqlite3.Connection, name: str) -> str:
    columns = ", ".join(_columns(connection, name))
    total = sum(_hash(name, row) for row in connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)))
    for row in connection.execute(f"SELECT {columns} FROM {name}"):
        total += _hash(name, row)
    return _written(total)


def _columns(connection: sqlite3.Connection, name: str, row: str = "") -> list[str]:
    """A table's columns as they are hashed: of texts the bytes, which may be none that can be read as text any more."""
    found = connection.execute(f"PRAGMA main.table_info({name})").fetchall()
    return [f'CAST({row}"{column}" AS BLOB)' if kind == "TEXT" else f'{row}"{column}"' for _, column, kind, *_ in found]


def _with(total: str, name: str, *row: Any) -> str:
    return _written(int(total, 16) + _hash(name, row))


def _without(total: str, name: str, *row: Any) -> str:
    return _written(int(total, 16) - _hash(name, row))


def _hash(name: str, row: tuple[Any, ...]) -> int:
    return int.from_bytes(blake2b(repr((name, *row)).encode(), digest_size=16).digest(), "big")


def _written(total: int) -> str:
    return f"{total % _MODULUS:032x}"
