"""Exports a run: its samples as Parquet and its result as JSON. Every published number is recomputed from these."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from steerbench.records.found_ledgers import LEDGER, reading
from steerbench.records.parquet import write_parquet
from steerbench.records.results import RESULT, read_result, write_result
from steerbench.storage.files import understandable, whole_file

SAMPLES = "samples.parquet"

SCHEMA: dict[str, Any] = {
    "method": pl.String,
    "split": pl.String,
    "step": pl.Int64,
    "target": pl.String,
    "item": pl.String,
    "strength": pl.Float64,
    "wording": pl.Int64,
    "prompt": pl.String,
    "edits": pl.String,
    "loss": pl.Float64,
    "unscored": pl.String,
    "cost": pl.Float64,
    "record": pl.String,
    "logprobs": pl.List(pl.Float64),
    "neutral": pl.List(pl.Float64),
    "text": pl.String,
    "before": pl.String,
    "thoughts": pl.String,
    "tokens": pl.Int64,
    "finish": pl.String,
    "tick": pl.Float64,
}
"""Columns of samples.parquet, one row per sample. `record` is JSON. `before` is the first answer where a task asks in
two stages. `thoughts` is the text inside the model's thinking tags."""

OF_AN_ANSWER = ("logprobs", "neutral", "text", "before", "thoughts", "tokens", "finish", "tick")
"""Columns that depend on the kind of answer; null where that kind has no such value."""


def export(run: Path, out: Path) -> Path:
    """Write samples.parquet, and run.json if the run has finished, into the folder `out`.

    Raises:
        UserError: `run` holds no ledger, a run is writing it, or `out` cannot be written to.
    """
    samples = read_samples(run)
    path = out / SAMPLES
    with understandable(path), whole_file(path) as temporary:
        write_parquet(samples, temporary)
    if (run / RESULT).exists():
        write_result(read_result(run), out)
    return path


def read_samples(run: Path) -> pl.DataFrame:
    """All samples of a run, sorted, in the columns of `SCHEMA`."""
    query = (
        "SELECT method, split, step, target, item, strength, wording, prompt, edits, outcome, score "
        "FROM samples ORDER BY method, split, step, target, item"
    )
    rows = []
    with reading(run / LEDGER) as connection:
        for *columns, outcome, score in connection.execute(query):
            answer, scored = json.loads(outcome), json.loads(score)
            told = (scored["loss"], scored["unscored"], scored.get("cost"), json.dumps(scored["record"]))
            rows.append((*columns, *told, *(answer.get(name) for name in OF_AN_ANSWER)))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
