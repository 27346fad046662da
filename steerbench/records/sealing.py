"""Seals: one hash over the rows of each table of a ledger, updated in the transaction that changes them.

They detect rows changed, added or removed by anything but steerbench, such as a bad disk, a partial copy or an edit by
hand. They are not signatures: anybody can recompute them after forging a ledger.

A seal is the sum, modulo 2^128, of the hashes of the table's rows and of its CREATE statement. So the cost of an
update depends on the rows written, not on the size of the table.
"""

import sqlite3
from hashlib import blake2b
from typing import Any

TABLES = ("meta", "fits", "samples", "choices", "stages", "verdicts")
SEALS = "CREATE TABLE IF NOT EXISTS seals (name TEXT PRIMARY KEY, total TEXT NOT NULL) STRICT"

EMPTY = "0" * 32
_MODULUS = 1 << 128


def is_sealed(connection: sqlite3.Connection) -> bool:
    """Whether the ledger has seals; those from before schema 3 have none."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'seals'").fetchone() is not None


def begin(connection: sqlite3.Connection) -> None:
    """Seal a ledger that has no seals yet, and update its seals from now on. Call within a transaction."""
    if not is_sealed(connection):
        connection.execute(SEALS)
        totals = [(name, _total(connection, name)) for name in TABLES]
        connection.executemany("INSERT INTO seals VALUES (?, ?)", totals)
    _keep(connection)


def broken(connection: sqlite3.Connection) -> list[str]:
    """The tables whose rows do not match their seal."""
    told = dict(connection.execute("SELECT name, total FROM seals"))
    return [name for name in TABLES if told.get(name) != _total(connection, name)]


def _keep(connection: sqlite3.Connection) -> None:
    """Add temporary triggers to this connection that update the seals on every write."""
    connection.create_function("seal_with", -1, _with, deterministic=True)
    connection.create_function("seal_without", -1, _without, deterministic=True)
    connection.execute("PRAGMA recursive_triggers = ON")  # else REPLACE fires no delete trigger
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
    """A table's columns as they are hashed. Text is cast to bytes, because damaged text may not be valid UTF-8."""
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
