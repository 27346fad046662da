"""A sweep as a table that fits the screen: a line for each value, and one without steering."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from steerbench.api.screen import console as screen
from steerbench.cli.fitting import Column, print_facts, print_table
from steerbench.cli.table import cell
from steerbench.errors import counted
from steerbench.reports.captions import caption_facts
from steerbench.reports.source import sources_beside
from steerbench.studies.sweep import REFERENCE, STRENGTH, SweepPoint, SweepResult

FLUENCY = "fluency"


def show(result: SweepResult, folder: Path, console: Console | None = None) -> None:
    """Print the table and what a reader of it must not miss."""
    console = console or screen()
    of = f"{result.method} by {result.symbol}"
    print_facts(console, caption_facts(sources_beside(folder, [point.run for point in result.points]), of))
    print_table(console, columns_of(result), [False] * len(result.points) + [True])
    for point in result.points:
        for said in point.remarks:
            console.print(Text.assemble((f"{result.symbol}={point.value}: ", "bold"), said))
    console.print(f"{counted(result.targets, 'targets')}. All of it is in {folder}.", highlight=False, soft_wrap=True)


def metrics_in_order(result: SweepResult) -> list[str]:
    """The headline, fluency if there is one, then the others as the task has them."""
    found = dict.fromkeys(name for point in (*result.points, result.reference) for name in point.metrics)
    first = [name for name in (result.headline, FLUENCY) if name in found]
    return list(dict.fromkeys([*first, *found]))


def columns_of(result: SweepResult) -> list[Column]:
    """The values, the metrics and the strengths that were chosen; on a narrow screen the last metrics go first."""
    points = [*result.points, result.reference]
    columns = [Column(result.symbol, [*(str(point.value) for point in result.points), REFERENCE], right=False)]
    for place, name in enumerate(metrics_in_order(result)):
        found = [point.metrics.get(name) for point in points]
        cells, brief = [cell(one, interval=True) for one in found], [cell(one, interval=False) for one in found]
        kept = None if place == 0 else 200.0 - place
        lost_by = 400.0 if place == 0 else 300.0 if place == 1 else 100.0 - place
        columns.append(Column(name, cells, kept, None if cells == brief else brief, lost_by))
    if result.parameter != STRENGTH and any(point.strength is not None for point in result.points):
        columns.append(Column("median strength", [_strength(point) for point in points], 350.0))
    return columns


def _strength(point: SweepPoint) -> str:
    return "" if point.strength is None else f"{point.strength:.2g}"
