"""The verdicts in a ledger: one per judge and case, with its usage."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from steerbench.contracts import Case, Usage, Verdict
from steerbench.storage.files import understandable

TABLE = """CREATE TABLE IF NOT EXISTS verdicts (
    judge TEXT, "case" TEXT, quality TEXT NOT NULL, rating REAL, unscored TEXT NOT NULL, details TEXT NOT NULL,
    calls INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost REAL NOT NULL,
    PRIMARY KEY (judge, "case")) STRICT"""
"""`judge` is a hash of the judge's identity, `case` a hash of the judged text."""

_BATCH = 500  # keys per query; SQLite limits them to some thousands


class Verdicts:
    """Verdicts by hashes of the judge (model, rubric) and of the case, so that none is paid for twice."""

    def __init__(self, connection: sqlite3.Connection, transaction: Callable[[], AbstractContextManager[None]]) -> None:
        self._connection, self._transaction = connection, transaction

    @classmethod
    @contextmanager
    def in_file(cls, path: Path) -> Iterator["Verdicts"]:
        """A separate file of verdicts, for those that belong to no run.

        Raises:
            UserError: the file cannot be written.
        """
        with understandable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, isolation_level=None)
        try:
            with understandable(path):
                connection.execute(TABLE)
            # Each statement is a transaction of its own here.
            yield cls(connection, nullcontext)
        finally:
            connection.close()

    def get(self, judge: str, keys: Iterable[str]) -> dict[str, Verdict]:
        """The stored verdicts of a judge, by case key; cases not rated yet are missing."""
        wanted, found = list(keys), {}
        for start in range(0, len(wanted), _BATCH):
            part = wanted[start : start + _BATCH]
            query = (
                'SELECT "case", rating, unscored, details, calls, prompt_tokens, completion_tokens, cost '
                f'FROM verdicts WHERE judge = ? AND "case" IN ({", ".join("?" * len(part))})'
            )
            for key, rating, unscored, details, *usage in self._connection.execute(query, (judge, *part)):
                found[key] = Verdict(rating, unscored, json.loads(details), Usage(*usage))
        return found

    def put(self, judge: str, rated: Mapping[str, tuple[Case, Verdict]]) -> None:
        """Write verdicts by case key, in one transaction. If one replaces another, their usage is added up."""
        rows = [
            (judge, key, case.quality, v.rating, v.unscored, json.dumps(dict(v.details)), *vars(v.usage).values())
            for key, (case, v) in rated.items()
        ]
        added = ", ".join(f"{name} = {name} + excluded.{name}" for name in vars(Usage()))
        with self._transaction():
            self._connection.executemany(
                f"INSERT INTO verdicts VALUES ({', '.join('?' * 10)}) ON CONFLICT DO UPDATE SET rating = "
                f"excluded.rating, unscored = excluded.unscored, details = excluded.details, {added}",
                rows,
            )

    def used(self, judge: str) -> Usage:
        """The total usage of a judge's verdicts."""
        query = (
            "SELECT coalesce(sum(calls), 0), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0), "
            "coalesce(sum(cost), 0.0) FROM verdicts WHERE judge = ?"
        )
        return Usage(*self._connection.execute(query, (judge,)).fetchone())

    def counts(self, judge: str) -> tuple[int, int]:
        """The number of the run's answers that a judge was asked about, and how many of them have no rating."""
        query = (
            "SELECT count(*), coalesce(sum(rating IS NULL), 0) FROM verdicts "
            """WHERE judge = ? AND "case" NOT LIKE '%:%'"""
        )
        asked, unscored = self._connection.execute(query, (judge,)).fetchone()
        return int(asked), int(unscored)


def case_key(case: Case, salt: str = "") -> str:
    """Hash (128 bits, hex) of a case, with the salt before it. The role is left out, because it changes no verdict."""
    told = repr((case.quality, case.question, case.answer))
    digest = hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:32]
    return f"{salt}:{digest}" if salt else digest
