"""Suites: several runs on one loaded model, each an ordinary run in its own folder.

All runs are checked before the first starts. A run may take its strengths from an earlier one. A run that cannot be
made is skipped, and the others are made.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steerbench.contracts import Engine
from steerbench.contracts.progress import Progress, Silent
from steerbench.errors import UserError
from steerbench.plugins.composed import adapted
from steerbench.records.json_files import read_record, write_record
from steerbench.records.plan import Plan
from steerbench.records.results import MetricRecord, RunResult, without_break_downs
from steerbench.running.strengths import chosen_in
from steerbench.storage.json_models import FrozenModel
from steerbench.studies.campaign import Campaign, FinishedRun, numbered
from steerbench.studies.suite_check import UnavailableError, Verified, verify

SCHEMA = 2
RESULT = "suite.json"


class SuiteRow(FrozenModel):
    """A row of a run's board, headline first and without break-downs; `strengths` are by target."""

    trivial: bool
    metrics: dict[str, MetricRecord]
    strengths: dict[str, float]
    remarks: list[str]


class SuiteRun(FrozenModel):
    """A run of a suite: its folder `run`, next to the suite's, and its board. `seconds` are over all starts."""

    name: str
    task: str
    run: str
    digest: str
    strengths_from: str
    headline: str
    higher_is_better: bool
    targets: int
    seconds: float
    rows: dict[str, SuiteRow]


class SuiteResult(FrozenModel):
    """A suite's result. `sha256` is that of its file; `missing` says by name why a run was not made."""

    schema_version: int = SCHEMA
    file: str
    sha256: str
    runs: list[SuiteRun]
    missing: dict[str, str]


@dataclass(frozen=True)
class SuiteEntry:
    """A run of a suite. `strengths_from` names the earlier run whose strengths it takes, "" for none."""

    name: str
    plan: Plan
    strengths_from: str = ""


@dataclass
class Suite:
    """The runs of a suite in order, checked. `file` and `sha256` identify the suite's file.

    Raises:
        UserError: a run names something that does not exist, or another model than the first run.
    """

    file: Path
    sha256: str
    entries: Sequence[SuiteEntry]
    unavailable: dict[str, str] = field(default_factory=dict, init=False)
    """By name, the runs whose data are not available, and why."""
    verified: dict[str, Verified] = field(default_factory=dict, init=False, repr=False)
    """By name, the other runs, as verified."""

    def __post_init__(self) -> None:
        verified = self.verified
        for entry in self.entries:
            try:
                _check_model(entry.plan, self.entries[0].plan)
                if entry.strengths_from in self.unavailable:
                    # The rest of the run is still checked, with any strength.
                    verify(entry.plan.model_copy(update={"strength": 1.0}))
                    raise UnavailableError(_without_source(entry))
                verified[entry.name] = verify(entry.plan, verified.get(entry.strengths_from))
            except UnavailableError as error:
                self.unavailable[entry.name] = str(error)
            except UserError as error:
                raise UserError(f"{self.file}, run '{entry.name}': {error}") from error

    def folder(self, out: Path) -> Path:
        """The folder of this suite's result: the same runs of the same file have the same folder."""
        told = " ".join([self.sha256, *(entry.name for entry in self.entries)])
        return out / f"suite-{self.file.stem}-{hashlib.sha256(told.encode()).hexdigest()[:10]}"


def run_suite(
    suite: Suite,
    out: Path,
    engine: Engine,
    progress: Progress | None = None,
    judge_budget: float | None = None,
    on_missing: Callable[[str, str], None] = lambda name, why: None,
) -> tuple[SuiteResult, Path]:
    """Makes the runs that are not made yet; returns the result and the folder where it is written.

    `judge_budget` is the most that judges may cost, over all runs. `on_missing` is called at once for a run that cannot
    be made, with its name and the reason.
    """
    campaign = Campaign(out, engine, progress or Silent(), judge_budget)
    made: dict[str, FinishedRun] = {}
    missing: dict[str, str] = {}
    for name, why in (suite.unavailable | _misfits(suite, engine)).items():
        missing[name] = why
        on_missing(name, why)
    for place, entry in enumerate(suite.entries, 1):
        if entry.name in missing:
            continue
        try:
            label = numbered(entry.name, place, len(suite.entries))
            made[entry.name] = campaign.run(resolved(entry, made), label)
        except UserError as error:
            missing[entry.name] = str(error)
            on_missing(entry.name, str(error))
    runs = [_run(entry, made[entry.name]) for entry in suite.entries if entry.name in made]
    result = SuiteResult(file=suite.file.name, sha256=suite.sha256, runs=runs, missing=missing)
    folder = suite.folder(out)
    write_record(result, folder / RESULT)
    return result, folder


def _misfits(suite: Suite, engine: Engine) -> dict[str, str]:
    """By name, the runs with a method that does not fit the model, and why; found before the first run is made."""
    found: dict[str, str] = {}
    for name, verified in suite.verified.items():
        try:
            for method in verified.methods:
                adapted(method, engine)
        except UserError as error:
            found[name] = str(error)
    return found


def resolved(entry: SuiteEntry, made: Mapping[str, FinishedRun]) -> Plan:
    """The plan of an entry, with the strengths of the run that it takes them from.

    Raises:
        UserError: that run was not made.
    """
    if not entry.strengths_from:
        return entry.plan
    if entry.strengths_from not in made:
        raise UserError(_without_source(entry))
    return entry.plan.model_copy(update=chosen_in(made[entry.strengths_from].result.methods)._asdict())


def read_suite(folder: Path) -> SuiteResult:
    """The result of a suite.

    Raises:
        UserError: the folder has none, or one that this version cannot read.
    """
    return read_record(SuiteResult, folder / RESULT, "suite")


def _check_model(plan: Plan, first: Plan) -> None:
    of_model = {"model", "engine", "engine_parameters", "dtype", "chat_template"}
    if plan.model_dump(include=of_model) != first.model_dump(include=of_model):
        raise UserError("It asks for another model or engine than the first run; all runs of a suite share one.")


def _without_source(entry: SuiteEntry) -> str:
    return f"It takes its strengths from '{entry.strengths_from}', which was not made."


def _run(entry: SuiteEntry, made: FinishedRun) -> SuiteRun:
    result = made.result
    rows = {
        name: SuiteRow(
            trivial=row.trivial,
            metrics={metric: row.metrics[metric] for metric in without_break_downs(row.metrics)},
            strengths=row.strengths,
            remarks=row.remarks,
        )
        for name, row in result.methods.items()
    }
    return SuiteRun(
        name=entry.name,
        task=entry.plan.task,
        run=made.folder.name,
        digest=result.digest,
        strengths_from=entry.strengths_from,
        headline=next((name for row in rows.values() for name in row.metrics), ""),
        higher_is_better=result.higher_is_better,
        targets=result.targets,
        seconds=_seconds(result),
        rows=rows,
    )


def _seconds(result: RunResult) -> float:
    return sum(t.fit + t.calibrate + t.evaluate + t.judge for t in result.timings.methods.values())
