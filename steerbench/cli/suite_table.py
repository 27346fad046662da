"""A suite as one table that reads at 100 columns, and what it would do as another."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from steerbench.cli.table import WIDE, cell
from steerbench.studies.suite import SuiteResult, SuiteRow, SuiteRun
from steerbench.studies.suite_outlook import PlannedRun

CHANGE = "change"
"""What tasks that measure a cost call the difference from the unsteered model."""
FEW = 3
"""Targets that are named; of more, only the number is told."""


def show(result: SuiteResult, out: Path, folder: Path, console: Console | None = None) -> None:
    """Print every run's board, where it lies, and what a reader must not miss."""
    console = _wide(console)
    if result.runs:
        console.print(table_of(result))
    for run in result.runs:
        console.print(f"{run.name}: {out / run.run}", highlight=False, soft_wrap=True)
        for flag, names in _flags(run).items():
            console.print(Text.assemble((f"  {', '.join(names)}: ", "bold"), flag))
    console.print(f"{len(result.runs)} runs. All of it is in {folder}.", highlight=False, soft_wrap=True)


def table_of(result: SuiteResult) -> Table:
    """Runs in their order, rows by their headline; the run's time stands at its first row."""
    table = _table("run", "method", "measure")
    with_change = any(CHANGE in row.metrics for run in result.runs for row in run.rows.values())
    for name in ("value", *(["change from unsteered"] if with_change else []), "time (s)"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in result.runs:
        for place, (name, row) in enumerate(_ordered(run)):
            labels = [run.name if place == 0 else "", name, run.headline if place == 0 else ""]
            change = [cell(row.metrics.get(CHANGE), interval=True)] if with_change else []
            time = f"{run.seconds:,.0f}" if place == 0 else ""
            value = cell(row.metrics.get(run.headline), interval=True)
            table.add_row(*labels, value, *change, time, style="dim" if row.trivial else "")
    return table


def show_outlook(planned: Sequence[PlannedRun], console: Console | None = None) -> None:
    """Print what a suite would do."""
    table = _table("run", "task", "rows", "targets", "questions", "state")
    for column in table.columns[3:5]:
        column.justify = "right"
    for run in planned:
        after = f", after {run.strengths_from}" if run.strengths_from and run.folder is None else ""
        questions = f"{run.questions:,}" if run.state != "missing" else "-"
        table.add_row(run.name, run.task, ", ".join(run.rows), str(len(run.targets)), questions, run.state + after)
    console = _wide(console)
    console.print(table)
    for run in planned:
        if run.folder is not None:
            console.print(f"{run.name}: {run.folder}", highlight=False, soft_wrap=True)


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


def _wide(console: Console | None) -> Console:
    console = console or Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    return console


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name == "run")
    return table


def _ordered(run: SuiteRun) -> list[tuple[str, SuiteRow]]:
    def key(row: tuple[str, SuiteRow]) -> float:
        metric = row[1].metrics.get(run.headline)
        value = metric.value if metric is not None else None
        return float("inf") if value is None else (-value if run.higher_is_better else value)

    return sorted(run.rows.items(), key=key)
