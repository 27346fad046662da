"""`steerbench report`: boards as tables for a paper."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from steerbench.cli.options import run_folders
from steerbench.errors import UserError


class Format(StrEnum):
    MARKDOWN = "markdown"
    HTML = "html"
    LATEX = "latex"
    TEXT = "text"


BY_END = {".tex": Format.LATEX, ".html": Format.HTML, ".txt": Format.TEXT}
"""What a file's name asks for."""


def report_command(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Folders of runs, or of published runs.", show_default=False, callback=run_folders),
    ],
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="markdown, html, latex or text.",
            show_default="by the ending of --out; text on a terminal, else markdown",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The file to write.", show_default="standard output", dir_okay=False),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="Columns, separated by commas; repeatable.",
            show_default="the first five; the headline where runs stand side by side",
        ),
    ] = None,
    per_trait: Annotated[
        bool, typer.Option("--per-trait", help="Add a table of the headline metric by trait.")
    ] = False,
    rows: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES", help="Only these rows, in this order, separated by commas; repeatable.", show_default="all"
        ),
    ] = None,
    trivial: Annotated[
        bool, typer.Option("--trivial/--no-trivial", help="Show baselines, references and controls.")
    ] = True,
    names: Annotated[
        list[str] | None,
        typer.Option(metavar="ROW=NAME", help="Rename rows: pas=PAS,caa=CAA; repeatable.", show_default=False),
    ] = None,
    caption: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The table's caption.", show_default="task, dataset, model, n, seed, ..."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The table's label (LaTeX) or id (HTML).", show_default=False)
    ] = None,
    bold: Annotated[bool, typer.Option("--bold", help="Set the best method by the headline metric in bold.")] = False,
) -> None:
    """Write boards as Markdown, HTML, LaTeX or plain text."""
    from steerbench.api.screen import console
    from steerbench.cli.parameters import comma_separated
    from steerbench.reports import Choice, report
    from steerbench.storage.files import understandable, write_whole

    usual = Format.TEXT if out is None and sys.stdout.isatty() else Format.MARKDOWN
    chosen = form or BY_END.get(out.suffix if out else "", usual)
    choice = Choice(
        rows=comma_separated("--rows", rows or ()),
        trivial=trivial,
        names=_new_names(names or ()),
        caption=caption or "",
        label=label or "",
        bold=bold,
    )
    width = console().width
    written = report(runs, chosen.value, comma_separated("--metrics", metrics or ()), per_trait, choice, width)
    if out is None:
        print(written, end="")
        return
    with understandable(out):
        write_whole(out, written)
    print(out)


def _new_names(given: Sequence[str]) -> dict[str, str]:
    """Raises UserError: an entry is not of the form ROW=NAME, or a row is renamed twice."""
    names: dict[str, str] = {}
    for entry in (one for text in given for one in text.split(",")):
        row, equals, name = (part.strip() for part in entry.partition("="))
        if not (row and equals and name):
            raise UserError(f"--names {entry} cannot be read: write ROW=NAME, for example pas=PAS.")
        if row in names:
            raise UserError(f"--names renames '{row}' twice; leave one out.")
        names[row] = name
    return names
