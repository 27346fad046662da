"""`steerbench run`: measures methods on a task, or goes on where an earlier start stopped."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    Param,
    Pole,
    Protocol,
    Quiet,
    Respondents,
    Rule,
    Seed,
    SelfJudge,
    Strength,
    StrengthsFrom,
    TaskName,
    Template,
    TraitJudge,
    UnderProtocol,
    run_folder,
)
from steerbench.cli.startup import quick
from steerbench.errors import UserError

if TYPE_CHECKING:
    from steerbench.records.plan import Plan
    from steerbench.records.results import RunResult

BESIDE_RESUME = {"resume", "device", "json", "quiet", "judge_budget"}


def run_command(
    context: typer.Context,
    method: Annotated[list[str] | None, typer.Option(help="Methods: pas,few-shot or pas+few-shot; repeatable.")] = None,
    task: TaskName = "papi",
    model: Model = None,
    dataset: Dataset = None,
    respondents: Respondents = None,
    readout: Annotated[
        str | None, typer.Option(help="How an answer is read: contextual, label, letter or generate.")
    ] = None,
    robust: Annotated[
        bool, typer.Option("--robust", help="Ask what measures in other words and orders of options too.")
    ] = False,
    protocol: UnderProtocol = Protocol.STRICT,
    variant: Annotated[str | None, typer.Option(help="The variant of methods that have several.")] = None,
    calibration: Calibration = None,
    budget: Budget = BUDGET,
    rule: ByRule = Rule.FLUENCY_FLOOR,
    strength: Strength = None,
    strengths_from: StrengthsFrom = None,
    pole: Pole = None,
    limit: Limit = None,
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
    trivial: Annotated[bool, typer.Option("--trivial/--no-trivial", help="Add the trivial rows.")] = True,
    out: Out = Path("runs"),
    resume: Annotated[
        Path | None, typer.Option(help="Go on with this run; its plan is in its ledger.", callback=run_folder)
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be run and how long it may take; end.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure steering methods on a task, beside the trivial rows."""
    if resume is not None:
        _refuse_beside_resume(context)
        _start(_plan_of(resume), resume, out, device, json, quiet, judge_budget)
        return
    if not method:
        raise UserError("No method was named: give --method, for example --method pas (`steerbench list methods`).")
    if strength is not None and strengths_from is not None:
        raise UserError("Strengths are given twice, by --strength and by --strengths-from; leave one out.")
    from steerbench.cli.parameters import comma_separated, parse_parameters
    from steerbench.publishing.given_strengths import strengths_in
    from steerbench.records.options import plan_of
    from steerbench.running.strengths import NOTHING

    asked = plan_of(
        comma_separated("--method", method),
        task,
        parse_parameters(param or []),
        {
            "dataset": dataset,
            "respondents": respondents,
            "readout": readout,
            "robust": robust or None,
            "poles": ",".join(comma_separated("--pole", pole)) if pole else None,
            "limit": limit,
        },
        variant=variant,
        model=model,
        engine=engine,
        dtype=dtype,
        chat_template=chat_template,
        protocol=protocol,
        calibration=calibration,
        budget=budget,
        rule=rule,
        strength=strength,
        **(strengths_in(strengths_from) if strengths_from else NOTHING)._asdict(),
        judge=judge,
        fluency_judge=fluency_judge,
        allow_self_judge=allow_self_judge,
        seed=seed,
        trivial=trivial,
    )
    if plan:
        _say_plan(asked, out, device, json)
    else:
        _start(asked, None, out, device, json, quiet, judge_budget)


def _say_plan(plan: "Plan", out: Path, device: str | None, json: bool) -> None:
    """What a run would be; nothing of it is measured or written."""
    with quick():
        from steerbench.cli.planned import as_json, planned, show
        from steerbench.running.preparing import prepare

        prepared = prepare(plan, device)
    found = planned(prepared, prepared.folder(out), out)
    if json:
        print(as_json(found))
    else:
        show(found)


def _start(
    plan: "Plan | None",
    folder: Path | None,
    out: Path,
    device: str | None,
    json: bool,
    quiet: bool,
    judge_budget: float | None = None,
) -> None:
    """Run a plan in a folder (its own under `out` if None); with no plan, the folder's run has finished."""
    with quick():
        from steerbench.api.progress import Bars
        from steerbench.cli.planned import planned
        from steerbench.records.results import RESULT, read_result
        from steerbench.running.preparing import prepare
        from steerbench.running.runner import execute

    if plan is None:
        assert folder is not None
        _say(read_result(folder), folder, json)
        return
    try:
        with quick():
            prepared = prepare(plan, device)
        folder = folder or prepared.folder(out)
        if not (quiet or json or (folder / RESULT).exists()):
            print(*planned(prepared, folder, out).sentences, sep="\n", file=sys.stderr)
        with Bars(quiet) as bars:
            result = execute(prepared, folder, bars, judge_budget)
    except KeyboardInterrupt:
        where = f"; go on with: steerbench run --resume {folder}" if folder and folder.exists() else ""
        print(f"\nStopped{where}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    _say(result, folder, json)


def _plan_of(run: Path) -> "Plan | None":
    """The plan of a run that has to go on, None of one that has finished.

    Raises:
        UserError: the folder holds no run, or a ledger that cannot be read.
    """
    from steerbench.records.found_ledgers import LEDGER, read_plan
    from steerbench.records.results import RESULT

    finished = (run / RESULT).exists()
    if finished and not (run / LEDGER).exists():
        return None
    # Also of a finished run: with a ledger that cannot be read, it could be shown but not trusted.
    plan = read_plan(run / LEDGER)
    return None if finished else plan


def _say(result: "RunResult", folder: Path, json: bool) -> None:
    from steerbench.cli.table import show

    if json:
        print(result.model_dump_json(indent=1))
    else:
        show(result, folder)


def _refuse_beside_resume(context: typer.Context) -> None:
    """A run that goes on has its plan already: options that would change it are not silently dropped."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in BESIDE_RESUME and source is not None and source.name == "COMMANDLINE":
            option = name.replace("_", "-")
            raise UserError(
                f"--resume takes its plan from the run, so --{option} cannot be given beside it; leave one out."
            )
