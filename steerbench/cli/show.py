"""`steerbench show`, `compare` and `export`: looking at runs that were made."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from steerbench.cli.options import Run, finite


def show_command(
    run: Run, json: Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of a table.")] = False
) -> None:
    """Show the table of a finished run."""
    from steerbench.cli.table import show
    from steerbench.records.results import read_result

    result = read_result(run)
    if json:
        print(result.model_dump_json(indent=1))
    else:
        show(result, run)


WORSE = 1
"""Exit code of a comparison in which something got worse."""


def compare_command(
    first: Run,
    second: Run,
    fail_if_worse: Annotated[
        float | None,
        typer.Option(
            metavar="MARGIN",
            help="Exit with 1 if a method's loss rose by more than this, interval and all, or answers were lost.",
            min=0.0,
            callback=finite,
        ),
    ] = None,
) -> None:
    """Compare two runs, method by method, over the targets they share."""
    from steerbench.studies.comparison import compare, lost, worse

    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in ("method", "first", "second", "second less first", "p", "p (Holm)", "targets"):
        table.add_column(name, justify="left" if name == "method" else "right", no_wrap=name == "second less first")
    pairs = compare(first, second)
    for pair in pairs:
        low, high = pair.difference.low, pair.difference.high
        interval = f" [{low:+.3f}, {high:+.3f}]" if low is not None and high is not None else ""
        table.add_row(
            pair.method,
            f"{pair.first:.3f}",
            f"{pair.second:.3f}",
            f"{pair.difference.value:+.3f}{interval}",
            f"{pair.p:.3f}",
            f"{pair.p_holm:.3f}",
            str(pair.difference.n),
        )
    console = Console()
    console.print(table)
    console.print("Mean loss per item; p by flipping the signs of the targets' differences.", highlight=False)
    if fail_if_worse is None:
        return
    missing, got_worse = lost(first, second), worse(pairs, fail_if_worse)
    for method, answers in missing.items():
        console.print(f"{method}: {answers} answers of the first run have no loss in the second.", highlight=False)
    for pair in got_worse:
        console.print(f"{pair.method}: worse by more than {fail_if_worse:g}.", highlight=False)
    if missing or got_worse:
        raise typer.Exit(WORSE)


def export_command(
    run: Run,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write to.", show_default="the run's", file_okay=False)
    ] = None,
) -> None:
    """Write a run's samples as Parquet, with its result beside them."""
    from steerbench.records.export import export

    print(export(run, out or run))
