"""`steerbench tradeoff`: what methods cost where they have the same effect, as a table and a chart."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from steerbench.cli.main import INTERRUPTED, STOPPED
from steerbench.cli.option_groups import Judging, OnModel, Output, with_groups
from steerbench.cli.options import Dataset, Methods, Param, Protocol, Rule
from steerbench.cli.startup import loading
from steerbench.errors import UserError

if TYPE_CHECKING:
    from steerbench.studies.tradeoff.asked import Tradeoff
    from steerbench.studies.tradeoff.result import TradeoffResult

POLES = ("conscientiousness+", "conscientiousness-")
COSTS = ("arithmetic-sample", "perplexity")


@with_groups
def tradeoff_command(
    *,
    method: Methods = None,
    pole: Annotated[
        list[str] | None,
        typer.Option(metavar="POLES", help="Poles to steer to.", show_default=",".join(POLES)),
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES", help="Tasks that measure costs, such as gsm8k,ifeval.", show_default=",".join(COSTS)
        ),
    ] = None,
    effect: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            help="The effect to compare costs at: points, or the name of a method.",
            show_default="the largest that all methods reach",
        ),
    ] = None,
    levels: Annotated[int, typer.Option(metavar="N", help="Strengths over a method's range.", min=2)] = 5,
    limit: Annotated[int, typer.Option(metavar="N", help="Items of each task that measures a cost.", min=2)] = 40,
    task: Annotated[
        str, typer.Option("--task", metavar="NAME", help="What the effect is measured on.")
    ] = "personalitybench",
    dataset: Dataset = None,
    param: Param = None,
    on_model: OnModel,
    judging: Judging,
    output: Output,
) -> None:
    """Measure what methods cost at the same effect."""
    from steerbench.cli.parameters import comma_separated, parse_parameters
    from steerbench.records.options import plan_of, size_parameter
    from steerbench.studies.tradeoff.asked import Tradeoff

    methods = comma_separated("--method", method or [])
    if not methods:
        raise UserError("No method was named: give --method, for example --method pas,simple-prompt.")
    given = parse_parameters(param or [])
    costs = {
        name: {size_parameter(name): limit} | given.pop(name, {}) for name in comma_separated("--cost", cost or COSTS)
    }
    base = plan_of(
        methods,
        task,
        given,
        {"poles": ",".join(comma_separated("--pole", pole or POLES)), "dataset": dataset},
        protocol=Protocol.STRICT,
        rule=Rule.BEST_SCORE,
        trivial=False,
        **on_model.of_plan,
        **judging.of_plan,
    )
    asked = Tradeoff(base, costs, levels, _wanted(effect))
    try:
        result, folder = _run(asked, on_model.device, judging.judge_budget, output)
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    _say(result, folder, output.json)


def _wanted(effect: str | None) -> float | str | None:
    """Points, or a method's name."""
    try:
        points = None if effect is None else float(effect)
    except ValueError:
        return effect
    if points is not None and not 0 < points < float("inf"):
        raise UserError(f"--effect is {effect}; it has to be points above 0, or one of the methods.")
    return points


def _run(
    asked: "Tradeoff", device: str | None, judge_budget: float | None, output: Output
) -> tuple["TradeoffResult", Path]:
    with loading(output.quiet or output.json):
        from steerbench.api.progress import Bars
        from steerbench.running.opening import open_engine
        from steerbench.studies.tradeoff.measuring import run_tradeoff

        engine: Any = open_engine(asked.base, device)
    with Bars(output.quiet) as bars:
        return run_tradeoff(asked, output.out, engine, bars, judge_budget)


def _say(result: "TradeoffResult", folder: Path, json: bool) -> None:
    """The table or the result on stdout; the chart in the folder, if what draws it is installed."""
    from steerbench.cli.drawing import can_draw
    from steerbench.cli.tradeoff_table import show

    if json:
        print(result.model_dump_json(indent=1))
    else:
        show(result, folder)
    if can_draw():
        from steerbench.studies.tradeoff.charts import write_charts

        write_charts(result, folder)
