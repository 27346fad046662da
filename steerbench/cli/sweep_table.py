"""A sweep as a table that reads at 100 columns: a line for each value, and one without steering."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from steerbench.cli.table import WIDE, cell, fits
from steerbench.studies.sweep import REFERENCE, STRENGTH, SweepPoint, SweepResult

FLUENCY = "fluency"


def show(result: SweepResult, folder: Path, console: Console | None = None) -> None:
    """Print the table and what a reader of it must not miss."""
    console = console or Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    console.print(fitting(result, console))
    for point in result.points:
        for remark in point.remarks:
            console.print(Text.assemble((f"{result.symbol}={point.value}: ", "bold"), remark))
    console.print(f"{result.targets} targets. All of it is in {folder}.", highlight=False, soft_wrap=True)


def fitting(result: SweepResult, console: Console) -> Table:
    """With as many metrics as the console is wide enough for, at least the headline."""
    names = metrics_in_order(result)
    for count in range(len(names), 1, -1):
        table = table_of(result, names[:count])
        if fits(table, console):
            return table
    return table_of(result, names[:1])


def metrics_in_order(result: SweepResult) -> list[str]:
    """The headline, fluency if there is one, then the others as the task has them."""
    found = dict.fromkeys(name for point in (*result.points, result.reference) for name in point.metrics)
    first = [name for name in (result.headline, FLUENCY) if name in found]
    return list(dict.fromkeys([*first, *found]))


def table_of(result: SweepResult, names: Sequence[str]) -> Table:
    title = f"{result.method} on {result.task}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(result.symbol)
    chosen = result.parameter != STRENGTH and any(point.strength is not None for point in result.points)
    for name in (*names, *(["median strength"] if chosen else [])):
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    for label, point in [*((str(point.value), point) for point in result.points), (REFERENCE, result.reference)]:
        cells = [cell(point.metrics.get(name), interval=place < 2) for place, name in enumerate(names)]
        strength = [_strength(point)] if chosen else []
        table.add_row(label, *cells, *strength, style="dim" if point is result.reference else "")
    return table


def _strength(point: SweepPoint) -> str:
    return "" if point.strength is None else f"{point.strength:.2g}"
