"""`steerbench publish`: makes a finished run or a timing public, and checks what others want to make public."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from steerbench.cli.options import run_folder
from steerbench.errors import UserError

RESULTS, SPEED = Path("leaderboard/results"), Path("leaderboard/speed")
PUBLISHED, SUITE, TRADEOFF = "published.json", "suite.json", "tradeoff.json"
WRONG = 2
"""Exit code of a check that found something."""


def publish_command(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="The folder of a finished run, suite or trade-off, or a timing file of `bench --json`.",
            show_default=False,
            callback=run_folder,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where to write it.", show_default=f"{RESULTS}; of timings {SPEED}", file_okay=False
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Check the published runs or timings in this folder.", show_default=False),
    ] = None,
    rerun: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="With --check: generate N answers of each run on the built-in model again.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed by which --rerun draws answers.")] = 0,
) -> None:
    """Check a run or a timing and publish it, or check published ones."""
    if (run is None) == (check is None):
        raise UserError("Name a run to publish, or a folder with --check, and not both.")
    if rerun is not None and check is None:
        raise UserError("--rerun asks answers of published runs again: name their folder with --check.")
    if run is not None:
        _publish(run, out)
    elif check is not None:
        _check(check)
        if rerun is not None:
            _rerun(check, rerun, seed)


def _publish(run: Path, out: Path | None) -> None:
    if run.suffix == ".json" and not run.is_dir():
        from steerbench.publishing.speed_sources import publish_speed

        print(publish_speed(run, out or SPEED))
    elif (run / SUITE).is_file():
        from steerbench.publishing.suites import publish_suite

        for folder in publish_suite(run, out or RESULTS):
            print(folder)
    elif (run / TRADEOFF).is_file():
        from steerbench.publishing.tradeoffs import publish_tradeoff

        print(publish_tradeoff(run, out or RESULTS))
    else:
        from steerbench.publishing.publish import publish

        print(publish(run, out or RESULTS))


def _check(check: Path) -> None:
    if next(check.glob("*.json"), check / PUBLISHED).name != PUBLISHED:
        from steerbench.publishing.speed import check as check_timings

        _tell(*check_timings(check), "published timings, and every ratio follows from its rounds")
        return
    from steerbench.publishing.checking import check as check_all

    report = check_all(check)
    for told in report.unverified:
        print(told)
    if not report.folders:
        raise UserError(f"{check} holds nothing that is published: nothing was checked; name the folder of the runs.")
    _tell(report.folders, report.problems, "published runs, and every number follows from its samples")
    if (check / PUBLISHED).exists():
        return
    from steerbench.publishing.tradeoffs import check_tradeoffs

    tradeoffs, problems = check_tradeoffs(check)
    if tradeoffs:
        _tell(tradeoffs, problems, "published trade-offs, and every number follows from their runs")


def _rerun(check: Path, number: int, seed: int) -> None:
    """Ask some answers of every run again; a line a run says what was compared and what was not."""
    from steerbench.publishing.checking import folders_in
    from steerbench.publishing.rerun import Reruns

    reruns = Reruns(number, seed)
    found = [reruns.of(folder) for folder in folders_in(check)]
    for one in found:
        print(one.line, file=sys.stderr if one.wrong else sys.stdout, flush=True)
    if any(one.wrong for one in found):
        raise typer.Exit(WRONG)


def _tell(count: int, problems: Sequence[str], well: str) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(WRONG)
    print(f"{count} {well}.")
