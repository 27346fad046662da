"""Boards of finished runs as a paper shows them: Markdown, or LaTeX for booktabs.

`source` reads a run, `board` makes its table, `markdown` and `latex` write it. Texts in a table are as they were found
until they are written; what escapes them is the writer, in one place.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from steerbench.reports import latex, markdown
from steerbench.reports.board import tables
from steerbench.reports.source import read_source

WRITERS = {"markdown": markdown.write, "latex": latex.write}


def report(
    runs: Sequence[Path],
    form: Literal["markdown", "latex"] = "markdown",
    metrics: Sequence[str] = (),
    per_trait: bool = False,
) -> str:
    """The tables of runs, or of published runs, one for each task, protocol and dataset.

    Raises:
        UserError: a folder holds no result, two hold the same, or no run has a metric that was asked for.
    """
    return WRITERS[form](tables([read_source(run) for run in runs], metrics, per_trait))
