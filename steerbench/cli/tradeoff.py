"""`steerbench tradeoff`: what methods cost where they have the same effect, as a table and a chart."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from steerbench.cli.main import INTERRUPTED
from steerbench.cli.options import (
    Device,
    Dtype,
    EngineName,
    FluencyJudge,
    Json,
    JudgeBudget,
    Model,
    Out,
    Param,
    Protocol,
    Quiet,
    Rule,
    Seed,
    SelfJudge,
    Template,
    TraitJudge,
)
from steerbench.cli.startup import quick
from steerbench.errors import UserError

if TYPE_CHECKING:
    from steerbench.studies.tradeoff.asked import Tradeoff
    from steerbench.studies.tradeoff.result import TradeoffResult

POLES = ("conscientiousness+", "conscientiousness-")
COSTS = ("arithmetic-sample", "perplexity")


def tradeoff_command(
    method: Annotated[list[str] | None, typer.Option(help="Methods: pas,npti,simple-prompt; repeatable.")] = None,
    pole: Annotated[
        list[str] | None,
        typer.Option(help="Poles to steer to; both of a trait are compared.", show_default=",".join(POLES)),
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(help="Tasks that measure costs, such as gsm8k,ifeval.", show_default=",".join(COSTS)),
    ] = None,
    effect: Annotated[
        str | None,
        typer.Option(
            help="The effect to compare costs at: points, or a method whose effect it is.",
            show_default="the largest that all methods reach",
        ),
    ] = None,
    levels: Annotated[int, typer.Option(help="Strengths over a method's range.", min=2)] = 5,
    limit: Annotated[int, typer.Option(help="Items of each task that measures a cost.", min=2)] = 40,
    task: Annotated[str, typer.Option("--task", help="What the effect is measured on.")] = "personalitybench",
    dataset: Annotated[str | None, typer.Option(help="The data of the effect.")] = None,
    model: Model = None,
    seed: Seed = 0,
    engine: EngineName = "hf",
    dtype: Dtype = None,
    device: Device = None,
    chat_template: Template = None,
    param: Param = None,
    judge: TraitJudge = None,
    fluency_judge: FluencyJudge = None,
    judge_budget: JudgeBudget = None,
    allow_self_judge: SelfJudge = False,
    out: Out = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure what methods cost at the same effect: match their strengths, then compare fluency, reasoning and more."""
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
        variant=None,
        model=model,
        engine=engine,
        dtype=dtype,
        chat_template=chat_template,
        protocol=Protocol.STRICT,
        calibration=None,
        rule=Rule.BEST_SCORE,
        judge=judge,
        fluency_judge=fluency_judge,
        allow_self_judge=allow_self_judge,
        seed=seed,
        trivial=False,
    )
    asked = Tradeoff(base, costs, levels, _wanted(effect))
    try:
        result, folder = _run(asked, device, out, judge_budget, quiet)
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    _say(result, folder, json)


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
    asked: "Tradeoff", device: str | None, out: Path, judge_budget: float | None, quiet: bool
) -> tuple["TradeoffResult", Path]:
    with quick():
        from steerbench.api.progress import Bars
        from steerbench.running.opening import open_engine
        from steerbench.studies.tradeoff.measuring import run_tradeoff

        engine: Any = open_engine(asked.base, device)
    with Bars(quiet) as bars:
        return run_tradeoff(asked, out, engine, bars, judge_budget)


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
