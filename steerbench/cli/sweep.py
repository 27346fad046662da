"""`steerbench sweep`: one parameter of a method over several values, as a table and a chart."""

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steerbench.cli.drawing import can_draw
from steerbench.cli.main import INTERRUPTED, STOPPED
from steerbench.cli.option_groups import Calibrating, Judging, OnModel, OnTask, Output, with_groups
from steerbench.cli.startup import loading
from steerbench.errors import UserError

if TYPE_CHECKING:
    from steerbench.contracts import Engine
    from steerbench.studies.sweep import Sweep, SweepResult

SweptParam = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="NAME=VALUES",
        help="What to sweep: k=6,12,24, gamma=0.6:1.5:0.1, layers=each, layers=windows:5. As in `run`, "
        "NAME.PARAMETER=VALUE fixes another; repeatable.",
    ),
]


@with_groups
def sweep_command(
    *,
    method: Annotated[list[str] | None, typer.Option(metavar="NAME", help="The method: pas, or pas+few-shot.")] = None,
    param: SweptParam = None,
    on_task: OnTask,
    on_model: OnModel,
    calibrating: Calibrating,
    judging: Judging,
    output: Output,
) -> None:
    """Measure a method at several values of one parameter."""
    from steerbench.cli.parameters import parse_parameters
    from steerbench.cli.sweep_values import expanded, swept_parameter
    from steerbench.records.options import plan_of
    from steerbench.studies.sweep import STRENGTH, Sweep, parameter_named

    spec = _only(method or [])
    asked, others = swept_parameter(param or [], spec)
    plan = plan_of(
        [spec],
        on_task.task,
        parse_parameters(others),
        on_task.of_task,
        trivial=False,
        **on_model.of_plan,
        **calibrating.of_plan,
        **judging.of_plan,
    )
    swept = parameter_named(plan, asked.name, asked.method)

    @cache
    def opened() -> "Engine":
        with loading(output.quiet or output.json):
            from steerbench.running.opening import open_engine

            return open_engine(plan, on_model.device)

    def layers() -> int:
        if swept.parameter == STRENGTH:
            raise UserError(
                f"{asked.name}={asked.values} lists layers, and {asked.name} is the strength; write numbers."
            )
        return opened().layers

    try:
        sweep = Sweep(plan, swept, expanded(asked.values, layers))
        result, folder = _run(sweep, opened(), output.out, judging.judge_budget, output.quiet)
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    _say(result, folder, output.json)


def _only(method: list[str]) -> str:
    from steerbench.cli.parameters import comma_separated

    specs = comma_separated("--method", method)
    if len(specs) != 1:
        raise UserError(f"A sweep is of one method, and {len(specs) or 'none'} were named: give one --method.")
    return specs[0]


def _run(
    sweep: "Sweep", engine: "Engine", out: Path, judge_budget: float | None, quiet: bool
) -> tuple["SweepResult", Path]:
    from steerbench.api.progress import Bars
    from steerbench.studies.sweep import run_sweep

    with Bars(quiet) as bars:
        return run_sweep(sweep, out, engine, bars, judge_budget)


def _say(result: "SweepResult", folder: Path, json: bool) -> None:
    """The table or the result on stdout; the chart in the folder, if what draws it is installed."""
    from steerbench.cli.sweep_table import show

    if json:
        print(result.model_dump_json(indent=1))
    else:
        show(result, folder)
    if can_draw():
        from steerbench.studies.charts import write_charts

        write_charts(result, folder)
