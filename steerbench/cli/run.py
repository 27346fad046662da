"""`steerbench run`: measures methods on a task, or continues a run that was stopped."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steerbench.cli.main import INTERRUPTED
from steerbench.cli.option_groups import Calibrating, Judging, OnModel, OnTask, Output, with_groups
from steerbench.cli.options import Methods, Param, Pole, Readout, Robust, StrengthsFrom, run_folder
from steerbench.cli.startup import loading, quick
from steerbench.errors import UserError

if TYPE_CHECKING:
    from steerbench.records.plan import Plan
    from steerbench.records.results import RunResult

BESIDE_RESUME = {"resume", "device", "json", "quiet", "judge_budget"}


@with_groups
def run_command(
    context: typer.Context,
    *,
    method: Methods = None,
    variant: Annotated[str | None, typer.Option(metavar="NAME", help="Of methods with variants: which one.")] = None,
    param: Param = None,
    trivial: Annotated[bool, typer.Option("--trivial/--no-trivial", help="Add the trivial baselines.")] = True,
    resume: Annotated[
        Path | None, typer.Option(help="Continue this run; its plan is in its ledger.", callback=run_folder)
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be run and how long it may take, then exit.")
    ] = False,
    on_task: OnTask,
    pole: Pole = None,
    readout: Readout = None,
    robust: Robust = False,
    on_model: OnModel,
    calibrating: Calibrating,
    strengths_from: StrengthsFrom = None,
    judging: Judging,
    output: Output,
) -> None:
    """Measure steering methods on a task, beside trivial baselines."""
    if resume is not None:
        _refuse_beside_resume(context)
        _start(_plan_of(resume), resume, on_model.device, output, judging.judge_budget)
        return
    if not method:
        raise UserError("No method was named: give --method, for example --method pas (`steerbench list methods`).")
    if calibrating.strength is not None and strengths_from is not None:
        raise UserError("Strengths are given twice, by --strength and by --strengths-from; leave one out.")
    from steerbench.cli.parameters import comma_separated, parse_parameters
    from steerbench.publishing.given_strengths import strengths_in
    from steerbench.records.options import plan_of
    from steerbench.running.strengths import NOTHING

    poles = ",".join(comma_separated("--pole", pole)) if pole else None
    asked = plan_of(
        comma_separated("--method", method),
        on_task.task,
        parse_parameters(param or []),
        {**on_task.of_task, "readout": readout, "robust": robust or None, "poles": poles},
        variant=variant,
        trivial=trivial,
        **on_model.of_plan,
        **calibrating.of_plan,
        **judging.of_plan,
        **(strengths_in(strengths_from) if strengths_from else NOTHING)._asdict(),
    )
    if plan:
        _say_plan(asked, on_model.device, output)
    else:
        _start(asked, None, on_model.device, output, judging.judge_budget)


def _say_plan(plan: "Plan", device: str | None, output: Output) -> None:
    """What a run would be; nothing of it is measured or written."""
    with loading(output.quiet or output.json):
        from steerbench.cli.planned import as_json, planned, show
        from steerbench.running.preparing import prepare

        prepared = prepare(plan, device)
    found = planned(prepared, prepared.folder(output.out), output.out)
    if output.json:
        print(as_json(found))
    else:
        show(found)


def _start(
    plan: "Plan | None", folder: Path | None, device: str | None, output: Output, judge_budget: float | None
) -> None:
    """Run a plan in a folder (its own under `--out` if None); with no plan, the folder's run has finished."""
    if plan is None:
        assert folder is not None
        with quick():
            from steerbench.records.results import read_result
        _say(read_result(folder), folder, output.json)
        return
    silent = output.quiet or output.json
    try:
        with loading(silent):
            from steerbench.api.progress import Bars
            from steerbench.cli.planned import planned
            from steerbench.records.results import RESULT
            from steerbench.running.preparing import prepare
            from steerbench.running.runner import execute

            prepared = prepare(plan, device)
        folder = folder or prepared.folder(output.out)
        if not (silent or (folder / RESULT).exists()):
            print(*planned(prepared, folder, output.out).sentences, sep="\n", file=sys.stderr)
        with Bars(output.quiet) as bars:
            result = execute(prepared, folder, bars, judge_budget)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        if folder and folder.exists():
            # A line of its own, in one piece: it is copied and pasted.
            print(f"Continue with:\n  steerbench run --resume {shlex.quote(str(folder))}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    _say(result, folder, output.json)


def _plan_of(run: Path) -> "Plan | None":
    """The plan of an unfinished run; None if the run has finished.

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
    """A resumed run has its plan already: options that would change it are refused, not silently ignored."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in BESIDE_RESUME and source is not None and source.name == "COMMANDLINE":
            option = name.replace("_", "-")
            raise UserError(
                f"--resume takes its plan from the run, so --{option} cannot be given beside it; leave one out."
            )
