"""`steerbench show` and `export`: looking at a run that was made."""

from pathlib import Path
from typing import Annotated

import typer

from steerbench.cli.options import Run


def show_command(
    run: Run, json: Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of a table.")] = False
) -> None:
    """Show the table of a finished or published run."""
    from steerbench.cli.table import show
    from steerbench.reports.source import read_source

    result = read_source(run).result
    if json:
        print(result.model_dump_json(indent=1))
    else:
        show(result, run)


def export_command(
    run: Run,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write to.", show_default="the run's", file_okay=False)
    ] = None,
) -> None:
    """Write a run's samples as Parquet, and its result as JSON."""
    from steerbench.records.export import export

    print(export(run, out or run))
