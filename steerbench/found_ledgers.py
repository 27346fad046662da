"""Ledgers as they are found: opened to look only, by whoever reads runs, and told from what is none."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from steerbench.errors import UserError
from steerbench.plan import Identity, Plan, differences
from steerbench.storage import understandable

SCHEMA = 2


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A ledger opened to look only.

    Raises:
        UserError: there is none, it is no ledger, of a newer steerbench, or a run is writing it.
    """
    if not path.is_file():
        raise UserError(f"There is no run in {path.parent}: it holds no {path.name}.")
    with understandable(path):
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=0.2)
        try:
            check(path, dict(connection.execute("SELECT key, value FROM meta")), None)
            yield connection
        finally:
            connection.close()


def read_plan(path: Path) -> Plan:
    """The plan a run was started with."""
    with reading(path) as connection:
        return Plan.model_validate_json(connection.execute("SELECT value FROM meta WHERE key = 'plan'").fetchone()[0])


def check(path: Path, meta: Mapping[str, str], identity: Identity | None) -> None:
    """Raises UserError: what a ledger says of itself is no ledger's, a newer steerbench's, or not of this identity."""
    if "schema" not in meta:
        raise UserError(f"{path} is no ledger of steerbench; choose another folder with --out.")
    if int(meta["schema"]) > SCHEMA:
        raise UserError(
            f"{path} was written by a newer steerbench (schema {meta['schema']}, this one reads {SCHEMA}); "
            "upgrade steerbench."
        )
    if identity is not None and meta["digest"] != identity.digest:
        changes = differences(json.loads(meta["identity"]), identity.fields)
        raise UserError(
            f"The run in {path.parent} is another one ({'; '.join(changes[:3])}); start a new one with --out."
        )
