"""`steerbench report`: boards as tables for a paper."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from steerbench.cli.options import run_folders


class Format(StrEnum):
    MARKDOWN = "markdown"
    HTML = "html"
    LATEX = "latex"


BY_END = {".tex": Format.LATEX, ".html": Format.HTML}
"""What a file's name asks for."""


def report_command(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Folders of runs, or of published runs.", show_default=False, callback=run_folders),
    ],
    form: Annotated[
        Format | None,
        typer.Option("--format", help="What to write.", show_default="as --out ends (.tex, .html), else markdown"),
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
    """Write runs' boards as tables for a paper: Markdown, HTML, or LaTeX with booktabs."""
    from steerbench.cli.parameters import comma_separated
    from steerbench.reports import report
    from steerbench.storage.files import understandable, write_whole

    chosen = form or BY_END.get(out.suffix if out else "", Format.MARKDOWN)
    written = report(runs, chosen.value, comma_separated("--metrics", metrics or ()), per_trait)
    if out is None:
        print(written, end="")
        return
    with understandable(out):
        write_whole(out, written)
    print(out)
