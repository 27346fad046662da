"""Copies of shipped runs with one thing changed, by somebody who knows what the check reads and makes it agree."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from steerbench.models.registry import DEFAULT
from steerbench.publishing.checking import disagreements
from steerbench.publishing.naming import command_of, id_of
from steerbench.publishing.samples import read_samples
from steerbench.publishing.schema import Published, read_published
from steerbench.records.plan import Identity, Plan

RESULTS = Path(__file__).parents[2] / "leaderboard" / "results"
BENCH, ARITHMETIC, PERPLEXITY = ("personalitybench",), ("arithmetic-sample",), ("perplexity",)
DOSE, PUBLISHED = ("personalitybench", "strict", False), ("papi", "published")
"""Shipped runs, as `shipped` is asked for them."""
Said = Callable[[dict[str, Any]], Any]
Samples = Callable[[pl.DataFrame], pl.DataFrame]


@cache
def shipped(task: str, protocol: str = "strict", several: bool = True) -> Path:
    """The smallest shipped run of a task on the built-in model: of several methods with `pas` among them, or of `pas`
    alone at a strength that was given."""
    runs = [(folder, read_published(folder)) for folder in sorted(RESULTS.glob(f"{task}-*"))]
    fitting = [
        (len(run.methods), folder)
        for folder, run in runs
        if run.plan.task == task
        and run.plan.protocol == protocol
        and run.model == DEFAULT
        and (several == (len(run.plan.methods) > 1))
        and "pas" in run.methods
    ]
    return min(fitting)[1]


def forged(run: Path, out: Path, said: Said | None = None, samples: Samples | None = None) -> Path:
    """A tampered copy under `out`: its hash of the samples, digest, id, folder and command are made anew."""
    folder = Path(shutil.copytree(run, out / "copy"))
    told = json.loads((folder / "published.json").read_text())
    if samples is not None:
        samples(read_samples(folder)).write_parquet(folder / "samples.parquet")
    if said is not None:
        said(told)
    told["samples_sha256"] = hashlib.sha256((folder / "samples.parquet").read_bytes()).hexdigest()
    told["digest"] = Identity.of(told["identity"]).digest
    plan = Plan.model_validate(told["plan"])
    told["id"] = id_of(plan, told["digest"])
    told["command"] = command_of(plan, told["id"])
    (folder / "published.json").write_text(json.dumps(told))
    return folder.rename(out / told["id"])


def complaints(folder: Path) -> Iterator[str]:
    """What the check says, one sentence at a time."""
    published: Published = read_published(folder)
    return (sentence for _, sentence in disagreements(published, read_samples(folder)))


def assert_named(case: tuple[tuple[Any, ...], dict[str, Any], str], out: Path) -> None:
    """Tamper with a shipped run (`shipped`, `forged`): some sentence has to hold the case's complaint."""
    run, tampering, complaint = case
    found = []
    for sentence in complaints(forged(shipped(*run), out, **tampering)):
        found.append(sentence)
        if complaint in sentence:
            return
    pytest.fail(f"nothing says '{complaint}': {found}")


def where(method: str, **values: Any) -> Samples:
    """Other values in every sample of a method: a value, or a function of the row."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        rows = frame.to_dicts()
        for row in rows:
            if row["method"] == method:
                row.update({name: value(row) if callable(value) else value for name, value in values.items()})
        return pl.DataFrame(rows, schema=frame.schema, orient="row")

    return change


def first(method: str, **values: Any) -> Samples:
    """The same in the first sample of a method alone."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        rows = frame.to_dicts()
        row = next(row for row in rows if row["method"] == method)
        row.update({name: value(row) if callable(value) else value for name, value in values.items()})
        return pl.DataFrame(rows, schema=frame.schema, orient="row")

    return change


def relabelled(source: str, name: str, *but: str) -> Samples:
    """The samples of one method in the place of another's; the columns `but` stay."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        rows = frame.to_dicts()
        of_source = {(row["target"], row["item"]): row for row in rows if row["method"] == source}
        for row in rows:
            if row["method"] == name:
                row.update(
                    {k: v for k, v in of_source[row["target"], row["item"]].items() if k not in ("method", *but)}
                )
        return pl.DataFrame(rows, schema=frame.schema, orient="row")

    return change
