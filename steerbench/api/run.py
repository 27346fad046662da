"""Makes or reads runs in Python, with results as data frames."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from steerbench.api.model import Model
from steerbench.api.progress import Bars
from steerbench.errors import UserError
from steerbench.publishing.given_strengths import strengths_in
from steerbench.publishing.reading import read_whole
from steerbench.publishing.schema import PUBLISHED
from steerbench.records.export import read_samples
from steerbench.records.options import plan_of
from steerbench.records.results import RunResult, without_break_downs
from steerbench.reports import report
from steerbench.reports.source import read_source
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.running.strengths import NOTHING
from steerbench.studies import comparison


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run: its `result` and its folder."""

    result: RunResult
    folder: Path

    @property
    def table(self) -> pl.DataFrame:
        """One row per method, best first: role, metrics (the headline with its interval), standing, flags."""
        rows = [
            {
                "method": name,
                "role": row.role or "method",
                **{metric: row.metrics[metric].value if metric in row.metrics else None for metric in self._metrics},
                "low": row.metrics[self._metrics[0]].low,
                "high": row.metrics[self._metrics[0]].high,
                "standing": row.standing.words if row.standing is not None else None,
                "flags": "; ".join(row.warnings),
            }
            for name, row in self.result.methods.items()
        ]
        better = self.result.higher_is_better
        return pl.DataFrame(rows, infer_schema_length=None).sort(self._metrics[0], descending=better, nulls_last=True)

    @property
    def metrics(self) -> pl.DataFrame:
        """Every metric of every row: value, 95 % interval, p where there is one, and the number of units."""
        return pl.DataFrame(
            [
                {"method": name, "metric": metric, **{k: getattr(one, k) for k in ("value", "low", "high", "p", "n")}}
                for name, row in self.result.methods.items()
                for metric, one in row.metrics.items()
            ],
            infer_schema_length=None,
        )

    @cached_property
    def samples(self) -> pl.DataFrame:
        """One row per sample: method, split, target, item, setting, answer and score (as `steerbench export`)."""
        if (self.folder / PUBLISHED).is_file():
            return read_whole(self.folder)[1]
        return read_samples(self.folder)

    @property
    def _metrics(self) -> list[str]:
        """The board's columns; the headline first."""
        return without_break_downs(dict.fromkeys(name for row in self.result.methods.values() for name in row.metrics))

    def __repr__(self) -> str:
        methods = ", ".join(name for name, row in self.result.methods.items() if row.role is None)
        return f"<Run {self.result.plan.task}: {methods}; {self.folder}>"

    def _repr_html_(self) -> str:
        """The board as HTML, for notebooks."""
        return report([self.folder], "html")


def run(
    method: str | Sequence[str],
    task: str = "papi",
    model: str | Path | Model | None = None,
    *,
    dataset: str | None = None,
    respondents: int | None = None,
    readout: str | None = None,
    pole: str | Sequence[str] | None = None,
    limit: int | None = None,
    robust: bool = False,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    strengths_from: str | Path | None = None,
    judge_budget: float | None = None,
    out: str | Path = "runs",
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Measure methods on a task, as `steerbench run` does. A plan that was already run is read from its folder.

    `options` are those of the command under their names with underscores: protocol, variant, calibration, budget,
    rule, strength, judge, fluency_judge, allow_self_judge, seed, trivial, engine, dtype, device, chat_template.
    `parameters` are by plug-in: `{"pas": {"heads": 24}}`.

    Raises:
        UserError: a name is unknown, a model or dataset cannot be loaded, or an option does not fit the model.
    """
    if strengths_from is not None and options.get("strength") is not None:
        raise UserError("Strengths are given twice, by strength and by strengths_from; leave one out.")
    loaded = model if isinstance(model, Model) else None
    if loaded is not None:
        own = ("engine", "dtype", "chat_template", "device")
        if said := [name for name in own if options.get(name) is not None]:
            raise UserError(f"{said[0]} is of the model, which is loaded already; give it to steerbench.load.")
    given = {name: dict(values) for name, values in (parameters or {}).items()}
    if loaded is not None and loaded.plan.engine_parameters:
        given[loaded.plan.engine] = dict(loaded.plan.engine_parameters)
    device = options.pop("device", None)
    plan = plan_of(
        [method] if isinstance(method, str) else list(method),
        task,
        given,
        {
            "dataset": dataset,
            "respondents": respondents,
            "readout": readout,
            "robust": robust or None,
            "poles": pole if pole is None or isinstance(pole, str) else ",".join(pole),
            "limit": limit,
        },
        **{**_of_model(model, loaded), **options},
        **(strengths_in(Path(strengths_from)) if strengths_from else NOTHING)._asdict(),
    )
    prepared = prepare(plan, device, loaded.engine if loaded else None)
    folder = prepared.folder(Path(out))
    with Bars(quiet) as bars:
        return Run(execute(prepared, folder, bars, judge_budget), folder)


def _of_model(model: str | Path | Model | None, loaded: Model | None) -> dict[str, Any]:
    if loaded is None:
        return {"model": None if model is None else str(model)}
    return loaded.plan.model_dump(include={"model", "engine", "dtype", "chat_template"})


def read(folder: str | Path) -> Run:
    """Read a finished or published run from its folder.

    Raises:
        UserError: the folder holds neither.
    """
    source = read_source(Path(folder))
    return Run(source.result, source.folder)


def compare(first: Run | str | Path, second: Run | str | Path, rows: tuple[str, str] | None = None) -> pl.DataFrame:
    """Row by row, the mean loss in both runs, the second less the first with its interval, and p (Holm's too).

    `rows` compares one row of the first run with one of the second, which may be the same run. What of the runs is not
    compared is said in a warning.

    Raises:
        UserError: the runs measure different tasks, share no row or no target, or one has no ledger.
    """
    one, other = (run.folder if isinstance(run, Run) else Path(run) for run in (first, second))
    found = comparison.compare(one, other, rows=rows)
    if found.left_out:
        warnings.warn("Not compared. " + " ".join(found.left_out), stacklevel=2)
    return pl.DataFrame(
        [
            {
                "method": pair.method,
                "first": pair.first,
                "second": pair.second,
                "difference": pair.difference.value,
                "low": pair.difference.low,
                "high": pair.difference.high,
                "p": pair.p,
                "p_holm": pair.p_holm,
                "targets": pair.difference.n,
            }
            for pair in found.pairs
        ]
    )
