"""Published runs of the toy world, and ways to tamper with them."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from steerbench.publishing.publish import publish
from steerbench.records import sealing
from steerbench.records.found_ledgers import LEDGER
from steerbench.records.plan import Plan
from steerbench.records.results import JudgeCheck, read_result, write_result
from steerbench.running.preparing import Prepared, prepare
from steerbench.running.runner import execute

TOY = Plan(methods=("toy-push",), task="toy", model="toy-model", engine="toy", budget=3)
RATED = Plan(methods=("toy-push",), task="toy-rated", model="toy-model", engine="toy", budget=3)
CHECK = JudgeCheck(texts=2, auc={"height": 1.0}, retest=0.0, length_bias=0.0, position_bias=0.0, unscored=0.0)


def finished(folder: Path, plan: Plan = TOY, prepared: Prepared | None = None) -> Path:
    """A run of the plan; the toy judge, of whose qualities no texts are known, gets a check as others have one."""
    execute(prepared or prepare(plan), folder)
    result = read_result(folder)
    judges = {role: judge.model_copy(update={"check": CHECK}) for role, judge in result.judges.items()}
    write_result(result.model_copy(update={"judges": judges}), folder)
    return folder


def published(folder: Path, plan: Plan = TOY) -> Path:
    return publish(finished(folder / "run", plan), folder / "results")


def forge(run: Path, statement: str, *values: Any) -> None:
    """Change a run's ledger, and renew its seals, as nothing but malice does."""
    with closing(sqlite3.connect(run / LEDGER)) as connection, connection:
        sealing.begin(connection)
        connection.execute(statement, values)


def copied(run: Path, folder: Path) -> Path:
    """A published run that may be tampered with, alone in `folder`."""
    return Path(shutil.copytree(run, folder / run.name))


def edit(run: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what published.json says."""
    told = json.loads((run / "published.json").read_text())
    change(told)
    (run / "published.json").write_text(json.dumps(told))


def edit_samples(run: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Change the samples, and let published.json vouch for them."""
    change(pl.read_parquet(run / "samples.parquet")).write_parquet(run / "samples.parquet")
    vouch(run)


def vouch(run: Path) -> None:
    digest = hashlib.sha256((run / "samples.parquet").read_bytes()).hexdigest()
    edit(run, lambda told: told.update(samples_sha256=digest))


def put(method: str, target: str, item: str, /, **values: Any) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Other values in the columns of one sample."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        here = (pl.col("method") == method) & (pl.col("target") == target) & (pl.col("item") == item)
        return frame.with_columns(
            pl.when(here).then(pl.lit(value, dtype=frame.schema[name])).otherwise(pl.col(name)).alias(name)
            for name, value in values.items()
        )

    return change
