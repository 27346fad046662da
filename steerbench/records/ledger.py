"""The ledger: one SQLite file per run with every outcome and score, written as they happen.

Each finished chunk is one transaction, synced to disk. A killed run loses only its current chunk. Only one process can
write a ledger at a time.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from steerbench.contracts import PENDING, Completion, Outcome, Score, Scored, Split
from steerbench.contracts.setting import Setting
from steerbench.records import sealing
from steerbench.records.found_ledgers import SCHEMA, check, opening
from steerbench.records.plan import Identity, Plan
from steerbench.records.samples import Sample, columns_of, outcome_of, score_of, score_text
from steerbench.records.verdicts import TABLE as VERDICTS
from steerbench.records.verdicts import Verdicts
from steerbench.storage.files import understandable

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE fits (
    method TEXT, split TEXT, target TEXT, file TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (method, split, target)) STRICT;
CREATE TABLE samples (
    method TEXT, split TEXT, step INTEGER, target TEXT, item TEXT,
    strength REAL NOT NULL, wording INTEGER NOT NULL,
    prompt TEXT NOT NULL, edits TEXT NOT NULL, outcome TEXT NOT NULL, score TEXT NOT NULL,
    PRIMARY KEY (method, split, step, target, item)) STRICT;
CREATE TABLE choices (
    method TEXT, target TEXT, strength REAL NOT NULL, wording INTEGER NOT NULL, loss REAL, frozen_at TEXT NOT NULL,
    PRIMARY KEY (method, target)) STRICT;
CREATE TABLE stages (method TEXT, stage TEXT, seconds REAL NOT NULL, PRIMARY KEY (method, stage)) STRICT;
"""
"""`samples.prompt` is a hash of the model's input and `edits` a hash of the steering ('' if unsteered).
`samples.split` is `calibration` (rows that chose a setting) or `test` (rows of the result)."""


class Ledger:
    """A run's ledger, open for writing; a context manager that closes it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self.verdicts = Verdicts(connection, self.transaction)

    @classmethod
    def open(cls, path: Path, identity: Identity, plan: Plan, token_budget: int | None = None) -> "Ledger":
        """Create a run's ledger, or open it to resume the run.

        Raises:
            UserError: the folder is not writable, the file is not a ledger, is damaged, belongs to another run or a
                newer steerbench, or is open in another process.
        """
        with opening(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not path.exists() or path.stat().st_size == 0
            connection = sqlite3.connect(path, timeout=0.2, isolation_level=None)
            ledger = cls(path, connection)
            try:
                # Checked before it is locked: locking would change another program's database.
                begun = not is_new and ledger._has_tables()
                if begun:
                    check(path, connection, identity)
                ledger._hold()
                if begun:
                    ledger._seal()
                else:
                    ledger._create(identity, plan, token_budget)
            except BaseException:
                connection.close()
                raise
        return ledger

    @classmethod
    def adopt(cls, path: Path, identity: Identity, plan: Plan) -> None:
        """Turn a copied ledger of another run into this run's, with its answers pending for the judges."""
        with cls(path, sqlite3.connect(path, isolation_level=None)) as ledger:
            ledger._seal()
            ledger.rate_again()
            told = {
                "identity": json.dumps(identity.fields, sort_keys=True),
                "digest": identity.digest,
                "plan": plan.model_dump_json(),
            }
            with ledger.transaction():
                ledger._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", told.items())

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    # -- writing

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction: committed to disk on exit, rolled back on error."""
        with understandable(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk has already rolled back.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def record(
        self, method: str, split: Split, step: int, samples: Iterable[Sample], stage: str, seconds: float
    ) -> None:
        """Write a finished chunk and the seconds it took, in one transaction."""
        rows = [(method, split, step, *columns_of(sample)) for sample in samples]
        with self.transaction():
            self._connection.executemany(f"INSERT INTO samples VALUES ({', '.join('?' * 11)})", rows)
            self._spend(method, stage, seconds)

    def record_fits(self, method: str, split: Split, files: Mapping[str, tuple[str, str]], seconds: float) -> None:
        """Replace a method's fits: by target, the steering's file and digest."""
        with self.transaction():
            self._connection.execute("DELETE FROM fits WHERE method = ? AND split = ?", (method, split))
            self._connection.executemany(
                "INSERT INTO fits VALUES (?, ?, ?, ?, ?)",
                [(method, split, target, file, digest) for target, (file, digest) in files.items()],
            )
            self._spend(method, "fit", seconds)

    def freeze(self, method: str, chosen: Mapping[str, Setting], losses: Mapping[str, float]) -> None:
        """Freeze the chosen setting of each target; it cannot change afterwards."""
        now = datetime.now(UTC).isoformat()
        rows = [(method, t, s.strength, s.wording, losses.get(t), now) for t, s in chosen.items()]
        with self.transaction():
            self._connection.executemany("INSERT INTO choices VALUES (?, ?, ?, ?, ?, ?)", rows)

    def copy_chosen(self, method: str, chosen: Mapping[str, Setting]) -> None:
        """Copy each target's calibration samples at its chosen setting into the result, so they are not asked again."""
        with self.transaction():
            for target, setting in chosen.items():
                self._connection.execute(
                    "INSERT INTO samples SELECT method, 'test', 0, target, item, strength, wording, prompt, edits, "
                    "outcome, score FROM samples WHERE method = ? AND split = 'calibration' AND target = ? AND step = "
                    "(SELECT min(step) FROM samples WHERE method = ? AND split = 'calibration' AND target = ? "
                    "AND strength = ? AND wording = ?)",
                    (method, target, method, target, setting.strength, setting.wording),
                )

    def rescore(
        self, method: str, split: Split, step: int, scores: Mapping[tuple[str, str], Score], seconds: float
    ) -> None:
        """Write the scores of rated answers, by (target, item), and the seconds that rating took."""
        rows = [(score_text(score), method, split, step, *place) for place, score in scores.items()]
        with self.transaction():
            self._connection.executemany(
                "UPDATE samples SET score = ? WHERE method = ? AND split = ? AND step = ? AND target = ? AND item = ?",
                rows,
            )
            self._spend(method, "judge", seconds)

    def set_token_budget(self, budget: int) -> None:
        """Store the engine's token budget for batches, valid from the next step on."""
        with self.transaction():
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('token_budget', ?)", (str(budget),))

    def rate_again(self) -> None:
        """Mark every complete answer of the result as pending for the judges. Earlier verdicts are kept."""
        pending = score_text(Score(None, unscored=PENDING))
        with self.transaction():
            self._connection.execute(
                """UPDATE samples SET score = ? WHERE split = 'test' AND outcome LIKE '{"text"%'
                AND json_extract(outcome, '$.finish') IN ('stop', 'length')""",
                (pending,),
            )

    # -- reading

    def meta(self) -> dict[str, str]:
        return dict(self._connection.execute("SELECT key, value FROM meta"))

    def token_budget(self) -> int | None:
        budget = self.meta().get("token_budget")
        return int(budget) if budget else None

    def fits(self, method: str, split: Split) -> dict[str, tuple[str, str]]:
        """By target: the steering's file and digest."""
        query = "SELECT target, file, digest FROM fits WHERE method = ? AND split = ?"
        return {target: (file, digest) for target, file, digest in self._connection.execute(query, (method, split))}

    def choices(self, method: str) -> dict[str, Setting]:
        """By target: the frozen setting. Empty before `freeze`."""
        query = "SELECT target, strength, wording FROM choices WHERE method = ?"
        return {t: Setting(strength, wording) for t, strength, wording in self._connection.execute(query, (method,))}

    def answered(self, method: str, split: Split, step: int) -> set[tuple[str, str]]:
        """(target, item) of every sample that is already stored."""
        query = "SELECT target, item FROM samples WHERE method = ? AND split = ? AND step = ?"
        return set(self._connection.execute(query, (method, split, step)))

    def scored(self, method: str, split: Split, step: int) -> dict[tuple[str, str], Scored]:
        query = "SELECT target, item, score FROM samples WHERE method = ? AND split = ? AND step = ?"
        rows = self._connection.execute(query, (method, split, step))
        return {(target, item): Scored(target, item, score_of(score)) for target, item, score in rows}

    def pending(self, method: str, split: Split, step: int) -> dict[tuple[str, str], Completion]:
        """By (target, item): the answers that judges have not rated yet."""
        query = (
            "SELECT target, item, outcome FROM samples WHERE method = ? AND split = ? AND step = ? "
            "AND json_extract(score, '$.unscored') = ?"
        )
        rows = self._connection.execute(query, (method, split, step, PENDING))
        found = {(target, item): outcome_of(text) for target, item, text in rows}
        return {place: answer for place, answer in found.items() if isinstance(answer, Completion)}

    def steps(self, method: str, split: Split) -> list[int]:
        """The numbers of the steps that have samples."""
        query = "SELECT DISTINCT step FROM samples WHERE method = ? AND split = ? ORDER BY step"
        return [step for (step,) in self._connection.execute(query, (method, split))]

    def unedited(self, method: str, split: Split, step: int) -> dict[str, Outcome]:
        """Outcomes without edits, by the hash of the model's input."""
        query = (
            "SELECT prompt, min(outcome) FROM samples WHERE method = ? AND split = ? AND step = ? "
            "AND edits = '' AND prompt != '' GROUP BY prompt"
        )
        return {prompt: outcome_of(text) for prompt, text in self._connection.execute(query, (method, split, step))}

    def seconds(self) -> dict[str, dict[str, float]]:
        """By method and stage (fit, calibrate, evaluate, judge)."""
        result: dict[str, dict[str, float]] = {}
        for method, stage, seconds in self._connection.execute("SELECT method, stage, seconds FROM stages"):
            result.setdefault(method, {})[stage] = seconds
        return result

    def tokens(self, method: str) -> int:
        """Tokens generated for a method's test samples."""
        query = (
            "SELECT coalesce(sum(json_extract(outcome, '$.tokens')), 0) FROM samples "
            """WHERE method = ? AND split = 'test' AND outcome LIKE '{"text"%'"""
        )
        return int(self._connection.execute(query, (method,)).fetchone()[0])

    # -- opening

    def _hold(self) -> None:
        """Lock the file for this process until it is closed or the process ends."""
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
            self._connection.execute(f"PRAGMA {pragma}").fetchone()
        self._connection.execute("BEGIN EXCLUSIVE")
        self._connection.execute("COMMIT")

    def _has_tables(self) -> bool:
        return self._connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None

    def _create(self, identity: Identity, plan: Plan, token_budget: int | None) -> None:
        meta = {
            "schema": str(SCHEMA),
            "identity": json.dumps(identity.fields, sort_keys=True),
            "digest": identity.digest,
            "plan": plan.model_dump_json(),
            "token_budget": str(token_budget or ""),
            "created": datetime.now(UTC).isoformat(),
        }
        with self.transaction():
            for statement in (*TABLES.split(";\n"), VERDICTS):
                self._connection.execute(statement)
            sealing.begin(self._connection)
            self._connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())

    def _seal(self) -> None:
        """Update the seals with every later write; a ledger from before schema 3 gets its first seals here."""
        with self.transaction():
            sealing.begin(self._connection)
            self._connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA),))

    def _spend(self, method: str, stage: str, seconds: float) -> None:
        self._connection.execute(
            "INSERT INTO stages VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seconds = seconds + excluded.seconds",
            (method, stage, seconds),
        )
