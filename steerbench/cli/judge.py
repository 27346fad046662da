"""`steerbench rejudge` and `steerbench judge check`: other judges, and how far a judge can be trusted."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from steerbench.api.screen import console as screen
from steerbench.cli.main import INTERRUPTED, STOPPED
from steerbench.cli.options import (
    Device,
    FluencyJudge,
    JudgeBudget,
    Model,
    Out,
    Param,
    Quiet,
    Run,
    SelfJudge,
    TraitJudge,
)
from steerbench.cli.startup import loading
from steerbench.errors import UserError, counted

app = typer.Typer(help="Check judges.", no_args_is_help=True)


def rejudge_command(
    run: Run,
    judge: TraitJudge = None,
    fluency_judge: FluencyJudge = None,
    param: Param = None,
    judge_budget: JudgeBudget = None,
    allow_self_judge: SelfJudge = False,
    unscored: Annotated[bool, typer.Option("--unscored", help="Ask again for missing ratings.")] = False,
    device: Device = None,
    out: Out = Path("runs"),
    quiet: Quiet = False,
) -> None:
    """Rate a finished run's answers again, by other judges."""
    from steerbench.api.progress import Bars
    from steerbench.cli.parameters import parse_parameters
    from steerbench.cli.table import show
    from steerbench.records.options import judges_of
    from steerbench.running.rejudging import prepare_again, rejudge

    given = parse_parameters(param or [])
    named, own = judges_of(judge, fluency_judge, given, allow_self_judge)
    if given:
        raise UserError(f"rejudge takes parameters of judges only, and '{next(iter(given))}' is not a judge.")
    if not (named or own or unscored):
        raise UserError("Nothing would change: name another judge with --judge or --fluency-judge, or add --unscored.")
    with loading(quiet):
        prepared = prepare_again(run, named, own, device)
    folder = prepared.folder(out)
    try:
        with Bars(quiet) as bars:
            result = rejudge(run, prepared, folder, bars, judge_budget, ask_again=unscored)
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    show(result, folder)


@app.command("check")
def check_command(
    judge: Annotated[
        str, typer.Argument(help="The judge, such as axis (`steerbench list judges`).", show_default=False)
    ],
    model: Model = None,
    param: Param = None,
    judge_budget: JudgeBudget = None,
    device: Device = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Test a judge on texts whose pole or quality is known."""
    from steerbench.api.progress import Bars
    from steerbench.cli.parameters import parse_parameters
    from steerbench.contracts.roles import UNSTEERED
    from steerbench.judging.check import check_judge
    from steerbench.records.plan import Plan, build_judge
    from steerbench.running.opening import open_engine

    given = parse_parameters(param or [])
    with loading(json):
        built = build_judge(judge, given.pop(judge, {}))
        plan = Plan(methods=(UNSTEERED,), task="none", model=model)
        engine = open_engine(plan, device) if built.needs_model else None
    with Bars(json) as bars:
        figures = check_judge(built, engine, judge_budget, bars)
    if json:
        import json as as_json

        print(as_json.dumps({name: figure.model_dump() for name, figure in figures.items()}, indent=1))
        return
    console = screen()
    for name, figure in figures.items():
        seen = f", {figure.seen:.0%} of which it was built on" if figure.seen else ""
        console.print(f"{judge} on {name} ({counted(figure.texts, 'texts')}{seen})", style="bold", highlight=False)
        for quality, auc in figure.auc.items():
            low, high = figure.auc_interval.get(quality, (None, None))
            interval = "" if low is None else f" [{_number(low)} {_number(high)}]"
            console.print(f"  area under the curve, {quality}: {_number(auc)}{interval}", highlight=False)
        console.print(f"  mean difference of two ratings of one text: {_number(figure.retest)}", highlight=False)
        console.print(f"  rating change when empty phrases are added: {_number(figure.length_bias)}", highlight=False)
        console.print(
            f"  rating change when the telling part comes last: {_number(figure.position_bias)}", highlight=False
        )
        console.print(f"  without a rating: {figure.unscored:.0%}", highlight=False)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
