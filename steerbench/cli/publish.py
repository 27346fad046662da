"""`steerbench publish`: makes a finished run public, and checks what others want to make public."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from steerbench.errors import UserError

WRONG = 2
"""Exit code of a check that found something."""


def publish_command(
    run: Annotated[Path | None, typer.Argument(help="The folder of a finished run.", show_default=False)] = None,
    out: Annotated[Path, typer.Option(help="Where published runs are kept.")] = Path("leaderboard/results"),
    check: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Check the published runs in this folder instead.", show_default=False),
    ] = None,
) -> None:
    """Publish a run: validate it, recompute its numbers, write a slim JSON and its samples."""
    if (run is None) == (check is None):
        raise UserError("Name a run to publish, or a folder with --check, and not both.")
    if run is not None:
        from steerbench.publishing.publish import publish

        print(publish(run, out))
        return
    assert check is not None
    from steerbench.publishing.checking import check as check_all

    report = check_all(check)
    for problem in report.problems:
        print(problem, file=sys.stderr)
    if report.problems:
        raise typer.Exit(WRONG)
    print(f"{report.folders} published runs, and every number follows from its samples.")
