"""`steerbench power`: how many people, questions or problems it takes to detect a difference."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue

from steerbench.api.screen import console as screen
from steerbench.cli.fitting import Column, print_facts, print_table
from steerbench.cli.options import Dataset, Seed, TaskName, finite, run_folder
from steerbench.errors import UserError

if TYPE_CHECKING:
    from steerbench.running.power import Spread

USUAL = (6, 12, 24, 50, 100, 300)


def power_command(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="A finished run to estimate the spread from; without one, the task's rows without a model.",
            show_default=False,
            callback=run_folder,
        ),
    ] = None,
    task: TaskName = "papi",
    dataset: Dataset = None,
    difference: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Say how many units it takes to detect this difference in loss.",
            show_default=False,
            callback=finite,
        ),
    ] = None,
    units: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N", help="Say which difference N units can detect; repeatable.", min=2, show_default=False
        ),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Plan a run's size by the differences it could detect."""
    from steerbench.contracts.roles import UNSTEERED
    from steerbench.records.plan import Plan
    from steerbench.records.results import read_result
    from steerbench.running.power import reference_spreads, spreads_of

    if difference is not None and difference <= 0:
        raise UserError(f"--difference is {difference:g}; give the size of a difference in loss, such as 0.5.")
    if run is not None:
        spreads = spreads_of(read_result(run))
        if not spreads:
            raise UserError(f"The run in {run} has no comparisons to estimate a spread from; name one with baselines.")
    else:
        given: dict[str, JsonValue] = {} if dataset is None else {"dataset": dataset}
        spreads = reference_spreads(Plan(methods=(UNSTEERED,), task=task, task_parameters=given, seed=seed))
        if not spreads:
            raise UserError(
                f"The task '{task}' has no rows without a model to estimate a spread from; name a finished run."
            )
    console = screen()
    over = spreads[0].over
    print_facts(console, [f"Smallest difference in loss that 80 % of runs would detect, by number of {over}"])
    print_table(console, _columns(spreads, difference, tuple(units or USUAL)))


def _columns(found: "Sequence[Spread]", difference: float | None, units: Sequence[int]) -> list[Column]:
    from steerbench.statistics import units_needed

    columns = [
        Column("method", [one.method for one in found], right=False),
        Column("against", [one.against for one in found], right=False),
        Column("difference", [f"{one.difference:+.2f}" for one in found], kept=1),
        Column("spread", [f"{one.spread:.2f}" for one in found], kept=0),
    ]
    for place, number in enumerate(units):
        smallest = [one.smallest(number) for one in found]
        columns.append(Column(str(number), ["-" if n is None else f"{n:.2f}" for n in smallest], kept=1000 - place))
    if difference is not None:
        needed = [units_needed(one.spread, difference) for one in found]
        head = f"{found[0].over} for {difference:g}"
        columns.append(Column(head, ["-" if n is None else f"{n:,}" for n in needed]))
    return columns
