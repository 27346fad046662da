"""Boards of finished runs as tables: Markdown, HTML, LaTeX for booktabs, or plain text.

`source` reads a run, `chosen` picks its rows, `board` makes the table; `markdown`, `html`, `latex` and `plain` write
it. Texts in a table are unescaped until a writer escapes them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from steerbench.reports import html, latex, markdown, plain
from steerbench.reports.board import tables
from steerbench.reports.chosen import EVERYTHING, Choice, refuse_meaningless
from steerbench.reports.source import read_source

__all__ = ["Choice", "report"]

WRITERS = {"markdown": markdown.write, "html": html.write, "latex": latex.write}


def report(
    runs: Sequence[Path],
    form: Literal["markdown", "html", "latex", "text"] = "markdown",
    metrics: Sequence[str] = (),
    per_trait: bool = False,
    choice: Choice = EVERYTHING,
    width: int = 100,
) -> str:
    """The tables of runs, or of published runs, one for each task, protocol and dataset.

    `width` is of plain text alone, whose tables leave out columns that do not fit.

    Raises:
        UserError: a folder holds no result, two hold the same, no run has a metric or row that was asked for, or
            something was chosen that the format cannot show.
    """
    refuse_meaningless(choice, form)
    made = tables([read_source(run) for run in runs], metrics, per_trait, choice)
    return plain.write(made, width) if form == "text" else WRITERS[form](made)
