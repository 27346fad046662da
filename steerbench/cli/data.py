"""`steerbench data`: which datasets there are, getting them, checking them, having new ones written."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from steerbench.api.screen import console as screen
from steerbench.cli.main import INTERRUPTED
from steerbench.cli.options import Seed
from steerbench.datasets import fetch as store
from steerbench.datasets.registry import NOT_STATED, Dataset, dataset, datasets
from steerbench.errors import UserError, counted

if TYPE_CHECKING:
    from steerbench.plugins.questions import BuiltQuestions

app = typer.Typer(help="List, fetch, check and build benchmark data.", no_args_is_help=True)

Names = Annotated[list[str], typer.Argument(help="Names of datasets, as `steerbench data list` shows them.")]


@app.command("list")
def list_datasets() -> None:
    """Show every dataset, its licence, and whether it is here."""
    mirror = store.mirror()
    table = Table(caption=f"read from {mirror}" if mirror else "downloaded on first use")
    table.add_column("name", no_wrap=True)
    for column in ("what", "licence", "files", "size", "here"):
        table.add_column(column, justify="right" if column in ("files", "size") else "left")
    for one in datasets().values():
        table.add_row(one.name, one.what, one.licence, str(len(one.files)), _size(one), _state(one))
    screen().print(table)


@app.command("fetch")
def fetch_datasets(names: Names) -> None:
    """Download datasets and verify them."""
    console = screen()
    for one in [dataset(name) for name in names]:
        if one.note:
            console.print(f"{one.name}: {one.note}", highlight=False)
        paths = store.fetch(one.name, progress=console.is_terminal)
        console.print(f"{one.name}: {len(paths)} of {len(one.files)} files are here and verified.", highlight=False)
        if one.licence == NOT_STATED:
            console.print(f"  Its licence is not stated. {one.licence_note}".rstrip(), highlight=False)
        for file in one.files:
            if store.state_of(one, file) == "missing":
                console.print(f"  {file.path} cannot be downloaded: it is {file.derived}.", highlight=False)


@app.command("verify")
def verify_datasets(
    names: Annotated[list[str] | None, typer.Argument(help="Names of datasets; all that are here if none.")] = None,
) -> None:
    """Check local files against their published hashes."""
    console = screen()
    chosen = [dataset(name) for name in names or datasets()]
    absent = [one.name for one in chosen if _state(one) == "no"]
    problems = {one.name: store.verify(one.name) for one in chosen if one.name not in absent}
    for name, found in problems.items():
        console.print(f"{name}: {'as published' if not found else 'NOT as published'}", highlight=False)
        for problem in found:
            console.print(f"  {problem}", soft_wrap=True, highlight=False)
    if absent:
        console.print(_absence(absent), soft_wrap=True, highlight=False)
    if wrong := [name for name, found in problems.items() if found]:
        raise UserError(f"These datasets are not as published: {', '.join(wrong)}; the lines above name the files.")
    if names and absent:
        raise UserError(f"These datasets were to be checked and are not here: {', '.join(absent)}.")


@app.command("build")
def build_data(
    task: Annotated[str, typer.Argument(help="The task, such as personalitybench.", show_default=False)],
    generator: Annotated[
        str, typer.Option(metavar="URL", help="An OpenAI-compatible server: http://localhost:8000/v1")
    ],
    generator_model: Annotated[str, typer.Option(metavar="NAME", help="The model that writes the questions.")],
    key_env: Annotated[
        str, typer.Option(metavar="NAME", help="The environment variable with the server's key.")
    ] = "OPENAI_API_KEY",
    per_facet: Annotated[int, typer.Option(metavar="N", help="Questions per facet.", min=1)] = 8,
    topics: Annotated[
        Path | None, typer.Option(help="A file with one topic per line.", dir_okay=False, show_default="the task's own")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write.", show_default="TASK.jsonl", dir_okay=False)
    ] = None,
    concurrency: Annotated[int, typer.Option(metavar="N", help="Requests at the same time.", min=1)] = 8,
    seed: Seed = 0,
) -> None:
    """Have a model write a task's questions. The same command continues a stopped build."""
    from steerbench.plugins.questions import Order, buildable

    target = out or Path(f"{task}.jsonl")
    order = Order(generator, generator_model, target, key_env, per_facet, topics, concurrency, seed)
    console = screen(stderr=True)
    columns = (TextColumn("questions settled"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
            bar = bars.add_task("")
            built = buildable(task).build(order, lambda done, total: bars.update(bar, completed=done, total=total))
    except KeyboardInterrupt:
        print(f"\nStopped; what was made is in {target}, and the same command goes on from there.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    _report(built, target)
    if built.unfinished:
        raise typer.Exit(1)


def _report(built: "BuiltQuestions", target: Path) -> None:
    """What was built, a line each."""
    dropped, unfinished, usage = sum(built.dropped.values()), sum(built.unfinished.values()), built.usage
    lines = [f"{target}: {counted(built.kept, 'questions')} kept, {dropped} dropped."]
    lines += [f"  {count} dropped: {reason}" for reason, count in sorted(built.dropped.items())]
    spent = f"{counted(usage.calls, 'calls')}, {counted(usage.prompt_tokens, 'tokens')} sent"
    lines.append(f"This time: {spent}, {usage.completion_tokens:,} received.")
    if unfinished:
        lines.append(f"{counted(unfinished, 'questions')} could not be had; the same command asks again:")
        lines += [f"  {count}: {reason}" for reason, count in sorted(built.unfinished.items())]
    for line in (*lines, *built.notes):
        screen().print(line, soft_wrap=True, highlight=False, markup=False)


def _absence(names: list[str]) -> str:
    """Which datasets have no file here: no fault of a mirror, which need not hold what nobody reads from it."""
    if mirror := store.mirror():
        return f"Not held by the mirror {mirror}: {', '.join(names)}."
    return f"Not here yet (`steerbench data fetch NAME` brings one): {', '.join(names)}."


def _size(one: Dataset) -> str:
    return "unknown" if one.size is None else decimal(one.size)


def _state(one: Dataset) -> str:
    """One word or two for a dataset: yes, no, partly, damaged."""
    states = Counter(store.state_of(one, file) for file in one.files)
    if states["damaged"]:
        return "damaged"
    wanted = [file for file in one.files if file.url or store.mirror()]
    if states["missing"] == len(one.files):
        return "no"
    return "yes" if all(store.state_of(one, file) == "here" for file in wanted) else "partly"
