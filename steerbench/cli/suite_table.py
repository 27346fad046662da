"""A suite as one table that fits the screen, and what it would do as another."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from steerbench.api.screen import console as screen
from steerbench.cli.fitting import Column, print_facts, print_table
from steerbench.cli.table import cell
from steerbench.errors import counted
from steerbench.records.results import MetricRecord
from steerbench.reports.captions import caption_facts
from steerbench.reports.source import sources_beside
from steerbench.studies.suite import SuiteResult, SuiteRow, SuiteRun
from steerbench.studies.suite_outlook import PlannedRun

CHANGE = "change"
"""What tasks that measure a cost call the difference from the unsteered model."""
FEW = 3
"""Targets that are named; of more than these, only the number is said."""


def show(result: SuiteResult, out: Path, folder: Path, console: Console | None = None) -> None:
    """Print every run's board, where it lies, and what a reader must not miss."""
    console = console or screen()
    if result.runs:
        runs = sources_beside(folder, [run.run for run in result.runs])
        print_facts(console, caption_facts(runs, f"suite {Path(result.file).stem}", better=_better(result)))
        dim = [row.trivial for run in result.runs for _, row in _ordered(run)]
        print_table(console, columns_of(result), dim)
    for run in result.runs:
        console.print(f"{run.name}: {out / run.run}", highlight=False, soft_wrap=True)
        for flag, names in _flags(run).items():
            console.print(Text.assemble((f"  {', '.join(names)}: ", "bold"), flag))
    told = f"{counted(len(result.runs), 'runs')}. All of it is in {folder}."
    console.print(told, highlight=False, soft_wrap=True)


def columns_of(result: SuiteResult) -> list[Column]:
    """Runs in their order, rows by their headline; the run's name, measure and time stand at its first row."""
    mixed = not _better(result)
    placed = [(run, place == 0, name, row) for run in result.runs for place, (name, row) in enumerate(_ordered(run))]
    values = [row.metrics.get(run.headline) for run, _, _, row in placed]
    changes = [row.metrics.get(CHANGE) for _, _, _, row in placed]
    columns = [
        Column("run", [run.name if first else "" for run, first, _, _ in placed], right=False),
        Column("method", [name for _, _, name, _ in placed], right=False),
        Column("measure", [_measure(run, mixed) if first else "" for run, first, _, _ in placed], kept=3, right=False),
        _estimates("value", values, kept=None),
        _estimates("change from unsteered", changes, kept=2),
        Column("time (s)", [f"{run.seconds:,.0f}" if first else "" for run, first, _, _ in placed], kept=1),
    ]
    return [one for one in columns if one.name != "change from unsteered" or any(changes)]


def _estimates(name: str, found: Sequence[MetricRecord | None], kept: float | None) -> Column:
    cells, brief = [cell(one, interval=True) for one in found], [cell(one, interval=False) for one in found]
    return Column(name, cells, kept, brief, 4 if kept is None else 1.5)


def _measure(run: SuiteRun, mixed: bool) -> str:
    better = f" ({'higher' if run.higher_is_better else 'lower'} is better)" if mixed else ""
    return f"{run.headline}{better}"


def _better(result: SuiteResult) -> str:
    """What is better, if it is the same of all runs; the column of measures says it of each."""
    ways = {run.higher_is_better for run in result.runs}
    return "" if len(ways) > 1 else f"{'higher' if ways.pop() else 'lower'} is better"


def show_outlook(planned: Sequence[PlannedRun], console: Console | None = None) -> None:
    """Print what a suite would do."""
    console = console or screen()
    after = [f", after {run.strengths_from}" if run.strengths_from and run.folder is None else "" for run in planned]
    questions = [f"{run.questions:,}" if run.state != "missing" else "-" for run in planned]
    columns = [
        Column("run", [run.name for run in planned], right=False),
        Column("task", [run.task for run in planned], kept=3, right=False),
        _rows_column([list(run.rows) for run in planned]),
        Column("targets", [str(len(run.targets)) for run in planned], kept=2),
        Column("questions", questions, kept=4),
        Column("state", [run.state + told for run, told in zip(planned, after, strict=True)], right=False),
    ]
    print_table(console, columns)
    for run in planned:
        if run.folder is not None:
            console.print(f"{run.name}: {run.folder}", highlight=False, soft_wrap=True)


def _rows_column(rows: Sequence[Sequence[str]]) -> Column:
    brief = [f"{names[0]}, ... ({len(names)} rows)" if len(names) > 1 else ", ".join(names) for names in rows]
    full = [", ".join(names) for names in rows]
    return Column("rows", full, 1, brief, 0, right=False, brief_lacks="the names of all rows")


def _flags(run: SuiteRun) -> dict[str, list[str]]:
    """What must not be missed, and of which rows it is true."""
    found: dict[str, list[str]] = {}
    for name, row in run.rows.items():
        for flag in [*_unsteered(row), *row.remarks]:
            found.setdefault(flag, []).append(name)
    return found


def _unsteered(row: SuiteRow) -> list[str]:
    """That a row is not steered at all towards some targets: it then costs nothing, and does nothing."""
    still = [target for target, strength in row.strengths.items() if strength == 0]
    if not still:
        return []
    towards = ", ".join(still) if len(still) <= FEW else f"{len(still)} of {len(row.strengths)} targets"
    return [f"not steered towards {towards} (strength 0)"]


def _ordered(run: SuiteRun) -> list[tuple[str, SuiteRow]]:
    def key(row: tuple[str, SuiteRow]) -> float:
        metric = row[1].metrics.get(run.headline)
        value = metric.value if metric is not None else None
        return float("inf") if value is None else (-value if run.higher_is_better else value)

    return sorted(run.rows.items(), key=key)
