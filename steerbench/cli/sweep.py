"""`steerbench sweep`: one parameter of a method over several values, as a table and a chart."""

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steerbench.cli.drawing import can_draw
from steerbench.cli.main import INTERRUPTED
from steerbench.cli.options import (
    BUDGET,
    Budget,
    ByRule,
    Calibration,
    Dataset,
    Device,
    Dtype,
    EngineName,
    FluencyJudge,
    Json,
    JudgeBudget,
    Limit,
    Model,
    Out,
    Protocol,
    Quiet,
    Respondents,
    Rule,
    Seed,
    SelfJudge,
    Strength,
    TaskName,
    Template,
    TraitJudge,
    UnderProtocol,
)
from steerbench.cli.startup import quick
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


def sweep_command(
    method: Annotated[list[str] | None, typer.Option(help="The method: pas, or pas+few-shot.")] = None,
    param: SweptParam = None,
    task: TaskName = "papi",
    model: Model = None,
    dataset: Dataset = None,
    respondents: Respondents = None,
    limit: Limit = None,
    protocol: UnderProtocol = Protocol.STRICT,
    calibration: Calibration = None,
    budget: Budget = BUDGET,
    rule: ByRule = Rule.FLUENCY_FLOOR,
    strength: Strength = None,
    seed: Seed = 0,
    engine: EngineName = "hf",
    dtype: Dtype = None,
    device: Device = None,
    chat_template: Template = None,
    judge: TraitJudge = None,
    fluency_judge: FluencyJudge = None,
    judge_budget: JudgeBudget = None,
    allow_self_judge: SelfJudge = False,
    out: Out = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a method at several values of one of its parameters, beside the unsteered model."""
    from steerbench.cli.parameters import parse_parameters
    from steerbench.cli.sweep_values import expanded, swept_parameter
    from steerbench.records.options import plan_of
    from steerbench.studies.sweep import STRENGTH, Sweep, parameter_named

    spec = _only(method or [])
    asked, others = swept_parameter(param or [], spec)
    plan = plan_of(
        [spec],
        task,
        parse_parameters(others),
        {"dataset": dataset, "respondents": respondents, "limit": limit},
        variant=None,
        model=model,
        engine=engine,
        dtype=dtype,
        chat_template=chat_template,
        protocol=protocol,
        calibration=calibration,
        budget=budget,
        rule=rule,
        strength=strength,
        judge=judge,
        fluency_judge=fluency_judge,
        allow_self_judge=allow_self_judge,
        seed=seed,
        trivial=False,
    )
    swept = parameter_named(plan, asked.name, asked.method)

    @cache
    def opened() -> "Engine":
        with quick():
            from steerbench.running.opening import open_engine

            return open_engine(plan, device)

    def layers() -> int:
        if swept.parameter == STRENGTH:
            raise UserError(f"{asked.name}={asked.values} names layers, and a strength is none; write numbers.")
        return opened().layers

    try:
        sweep = Sweep(plan, swept, expanded(asked.values, layers))
        result, folder = _run(sweep, opened(), out, judge_budget, quiet)
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    _say(result, folder, json)


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
