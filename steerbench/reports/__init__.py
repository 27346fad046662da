"""Boards of finished runs as a paper shows them: Markdown, HTML, or LaTeX for booktabs.

`source` reads a run, `board` makes its table; `markdown`, `html` and `latex` write it. Texts in a table are as they
were found until they are written; what escapes them is the writer, in one place.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from steerbench.reports import html, latex, markdown
from steerbench.reports.board import tables
from steerbench.reports.source import read_source

WRITERS = {"markdown": markdown.write, "html": html.write, "latex": latex.write}


def report(
    runs: Sequence[Path],
    form: Literal["markdown", "html", "latex"] = "markdown",
    metrics: Sequence[str] = (),
    per_trait: bool = False,
) -> str:
    """The tables of runs, or of published runs, one for each task, protocol and dataset.

    Raises:
        UserError: a folder holds no result, two hold the same, or no run has a metric that was asked for.
    """
    return WRITERS[form](tables([read_source(run) for run in runs], metrics, per_trait))
