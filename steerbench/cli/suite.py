"""`steerbench suite`: the runs that a file declares, one after the other, on one loaded model."""

import json as jsonlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from steerbench.api.screen import console as screen
from steerbench.cli.main import INTERRUPTED, STOPPED
from steerbench.cli.option_groups import Output, with_groups
from steerbench.cli.options import Device, JudgeBudget
from steerbench.cli.startup import loading, quick
from steerbench.errors import UserError, counted

if TYPE_CHECKING:
    from steerbench.contracts import Engine
    from steerbench.studies.suite import Suite, SuiteResult

File = Annotated[Path, typer.Argument(help="A suite file (TOML), such as suites/offline.toml.", show_default=False)]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Only this run and the one it takes strengths from; repeatable."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what is done and what is left to do; run nothing.")]


@with_groups
def suite_command(
    *,
    file: File,
    only: Only = None,
    dry_run: DryRun = False,
    device: Device = None,
    judge_budget: JudgeBudget = None,
    output: Output,
) -> None:
    """Make all runs that a file declares, or continue them."""
    from steerbench.api.progress import Bars
    from steerbench.cli.suite_file import chosen, read_file

    sha256, entries = read_file(file)
    console = screen(stderr=True)

    def tell(name: str, why: str) -> None:
        console.print(Text.assemble(("not made: ", "bold red"), f"{name}: {why}"), soft_wrap=True)

    try:
        with loading(output.quiet or output.json):
            from steerbench.running.opening import open_engine
            from steerbench.studies.suite import Suite, run_suite

        suite = Suite(file, sha256, chosen(entries, only or []))
        with quick():
            engine = open_engine(suite.entries[0].plan, device)
        if dry_run:
            _say_outlook(suite, output.out, engine, output.json, tell)
            return
        with Bars(output.quiet, console) as bars:
            result, folder = run_suite(suite, output.out, engine, bars, judge_budget, tell)
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    _say(result, output.out, folder, output.json)
    _refuse_missing(list(result.missing), len(suite.entries))


def _say(result: "SuiteResult", out: Path, folder: Path, json: bool) -> None:
    from steerbench.cli.suite_table import show

    if json:
        print(result.model_dump_json(indent=1))
    else:
        show(result, out, folder)


def _say_outlook(suite: "Suite", out: Path, engine: "Engine", json: bool, tell: Callable[[str, str], None]) -> None:
    from steerbench.cli.suite_table import show_outlook
    from steerbench.studies.suite_outlook import outlook

    planned = outlook(suite, out, engine)
    if json:
        print(jsonlib.dumps([run.model_dump(mode="json") for run in planned], indent=1))
    else:
        show_outlook(planned)
    for name, why in suite.unavailable.items():
        tell(name, why)
    _refuse_missing(list(suite.unavailable), len(suite.entries))


def _refuse_missing(missing: Sequence[str], of: int) -> None:
    """Raises UserError: some runs of the suite cannot be made."""
    if missing:
        verb = "is" if of == 1 else "are"
        raise UserError(f"{len(missing)} of {counted(of, 'runs')} {verb} missing: {', '.join(missing)}.")
