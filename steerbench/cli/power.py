"""`steerbench power`: how many people, questions or problems a difference needs, before they are asked."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue
from rich.console import Console
from rich.table import Table

from steerbench.cli.options import Dataset, Seed, TaskName, finite, run_folder
from steerbench.errors import UserError

if TYPE_CHECKING:
    from steerbench.running.power import Spread

USUAL = (6, 12, 24, 50, 100, 300)


def power_command(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="A finished run whose rows tell the spread; without one, the task's rows that need no model.",
            show_default=False,
            callback=run_folder,
        ),
    ] = None,
    task: TaskName = "papi",
    dataset: Dataset = None,
    difference: Annotated[
        float | None,
        typer.Option(help="Say how many units this difference in loss needs.", show_default=False, callback=finite),
    ] = None,
    units: Annotated[
        list[int] | None, typer.Option(help="Say what so many units can show; repeatable.", min=2, show_default=False)
    ] = None,
    seed: Seed = 0,
) -> None:
    """Plan a run: the smallest difference it would find four times in five, or the units a difference needs."""
    from steerbench.cli.table import WIDE
    from steerbench.records.plan import Plan
    from steerbench.records.results import read_result
    from steerbench.running.power import reference_spreads, spreads_of

    if difference is not None and difference <= 0:
        raise UserError(f"--difference is {difference:g}; give the size of a difference in loss, such as 0.5.")
    if run is not None:
        spreads = spreads_of(read_result(run))
        if not spreads:
            raise UserError(f"The run in {run} compares nothing: it tells no spread; name one with baselines.")
    else:
        given: dict[str, JsonValue] = {} if dataset is None else {"dataset": dataset}
        spreads = reference_spreads(Plan(methods=("unsteered",), task=task, task_parameters=given, seed=seed))
        if not spreads:
            raise UserError(f"The task '{task}' has no rows without a model to tell a spread; name a finished run.")
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    console.print(_table(spreads, difference, tuple(units or USUAL)))


def _table(found: "Sequence[Spread]", difference: float | None, units: Sequence[int]) -> Table:
    from steerbench.statistics import units_needed

    over = found[0].over
    title = f"Smallest difference in loss that four of five runs find, by number of {over}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("method", "against"):
        table.add_column(name, overflow="fold")
    needed = [] if difference is None else [f"{over} for {difference:g}"]
    for name in ("difference", "spread", *map(str, units), *needed):
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    for one in found:
        smallest = ("-" if (least := one.smallest(n)) is None else f"{least:.2f}" for n in units)
        enough = units_needed(one.spread, difference) if difference is not None else None
        more = [] if difference is None else ["-" if enough is None else f"{enough:,}"]
        table.add_row(one.method, one.against, f"{one.difference:+.2f}", f"{one.spread:.2f}", *smallest, *more)
    return table
