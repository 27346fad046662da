"""A run's board as a table that reads at 100 columns."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from steerbench.results import MethodResult, Metric, RunResult

WITH_INTERVAL = 2
"""The first so many metrics show their interval."""
MOST_METRICS = 6


def show(result: RunResult, folder: Path, console: Console | None = None) -> None:
    """Print the board, its flags and how it deviates."""
    console = console or Console()
    console.print(board(result))
    for name, method in ordered(result):
        for flag in method.flags:
            console.print(Text.assemble((f"{name}: ", "bold"), flag))
    if result.deviations:
        console.print(Text("Not strict: " + "; ".join(result.deviations) + "."))
    console.print(f"{result.targets} targets. All of it is in {folder}.", highlight=False, soft_wrap=True)


def board(result: RunResult) -> Table:
    """Rows by the headline metric, trivial ones dimmed."""
    shown = columns(result)
    table = Table(title=f"{result.plan.task}, {result.plan.protocol}", box=None, padding=(0, 1), pad_edge=False)
    table.add_column("method", overflow="fold")
    for name in shown:
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("median strength", justify="right")
    table.add_column("seconds", justify="right")
    for name, method in ordered(result):
        cells = [_cell(method.metrics.get(metric), shown.index(metric) < WITH_INTERVAL) for metric in shown]
        table.add_row(name, *cells, _strength(method), _seconds(result, name), style="dim" if method.trivial else "")
    return table


def columns(result: RunResult) -> list[str]:
    """The metrics worth a column: those that are no break-down of the headline ("error A" beside "error")."""
    names = list(dict.fromkeys(name for method in result.methods.values() for name in method.metrics))
    return [name for name in names if name == names[0] or not name.startswith(f"{names[0]} ")][:MOST_METRICS]


def ordered(result: RunResult) -> list[tuple[str, MethodResult]]:
    """Methods by their headline, least error first; those without one last."""
    return sorted(result.methods.items(), key=lambda row: _headline(row[1]))


def _headline(method: MethodResult) -> float:
    first = next(iter(method.metrics.values()), None)
    return float("inf") if first is None or first.value is None else first.value


def _cell(metric: Metric | None, interval: bool) -> str:
    if metric is None or metric.value is None:
        return "-"
    if not interval or metric.low is None or metric.high is None:
        return _short(metric.value)
    return f"{_short(metric.value)} [{_short(metric.low)}, {_short(metric.high)}]"


def _short(value: float) -> str:
    """Two decimals, and no "-0.00"."""
    return f"{round(value, 2) + 0.0:.2f}"


def _strength(method: MethodResult) -> str:
    """Nothing where there was nothing to choose."""
    strengths: Sequence[float] = list(method.strengths.values())
    return f"{statistics.median(strengths):.2g}" if any(strength != 1 for strength in strengths) else ""


def _seconds(result: RunResult, name: str) -> str:
    timing = result.timings.methods.get(name)
    return f"{timing.fit + timing.calibrate + timing.evaluate:,.1f}" if timing else ""
