"""`steerbench report`: boards as tables for a paper."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from steerbench.cli.options import run_folders


class Format(StrEnum):
    MARKDOWN = "markdown"
    LATEX = "latex"


def report_command(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Folders of runs, or of published runs.", show_default=False, callback=run_folders),
    ],
    form: Annotated[
        Format | None,
        typer.Option("--format", help="What to write.", show_default="latex if --out ends in .tex, else markdown"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write.", show_default="standard output", dir_okay=False)
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            help="Columns, with commas or repeated.",
            show_default="the first five; the headline where runs stand side by side",
        ),
    ] = None,
    per_trait: Annotated[bool, typer.Option("--per-trait", help="Add a table of the headline trait by trait.")] = False,
) -> None:
    """Write runs' boards as tables for a paper: Markdown, or LaTeX with booktabs."""
    from steerbench.cli.parameters import comma_separated
    from steerbench.reports import report
    from steerbench.storage.files import understandable, write_whole

    latex = form is Format.LATEX if form is not None else out is not None and out.suffix == ".tex"
    written = report(runs, "latex" if latex else "markdown", comma_separated("--metrics", metrics or ()), per_trait)
    if out is None:
        print(written, end="")
        return
    with understandable(out):
        write_whole(out, written)
    print(out)
