"""`steerbench site`: builds the site of published results."""

from pathlib import Path
from typing import Annotated

import typer

from steerbench.errors import UserError

app = typer.Typer(help="The site of published results: a folder of files.", no_args_is_help=True)

RESULTS, SPEED, SITE = Path("leaderboard/results"), Path("leaderboard/speed"), Path("site")
DOCS = Path("docs")


@app.callback()
def site() -> None:
    """The site of published results: a folder of files."""


@app.command("build")
def build_command(
    results: Annotated[Path, typer.Option(help="The folder of published runs.", file_okay=False)] = RESULTS,
    speed: Annotated[Path, typer.Option(help="The folder of published timings, if there is one.")] = SPEED,
    docs: Annotated[Path, typer.Option(help="The folder of documentation, if there is one.", file_okay=False)] = DOCS,
    out: Annotated[Path, typer.Option(help="The folder to write; an earlier build in it is replaced.")] = SITE,
) -> None:
    """Build the site. It works from disk and on any static host."""
    from leaderboard.build import build

    if not results.is_dir():
        raise UserError(f"There is no folder {results}; publish a run first, or name the folder with --results.")
    built = build(results, out, speed, docs)
    typer.echo(f"{built.runs:,} runs on {built.boards:,} boards. Open {out / 'index.html'}.")
