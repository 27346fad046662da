"""`steerbench data`: which datasets there are, getting them, checking them."""

from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from steerbench.datasets import fetch as store
from steerbench.datasets.registry import Dataset, dataset, datasets
from steerbench.errors import UserError

app = typer.Typer(help="Benchmark data: list it, fetch it, check it.", no_args_is_help=True)

Names = Annotated[list[str], typer.Argument(help="Names of datasets, as `steerbench data list` shows them.")]


@app.command("list")
def list_datasets() -> None:
    """Show every dataset, its terms, and whether it is here."""
    mirror = store.mirror()
    table = Table(caption=f"read from {mirror}" if mirror else "downloaded on first use")
    table.add_column("name", no_wrap=True)
    for column in ("what", "licence", "files", "size", "here"):
        table.add_column(column, justify="right" if column in ("files", "size") else "left")
    for one in datasets().values():
        table.add_row(one.name, one.what, one.licence, str(len(one.files)), _size(one), _state(one))
    Console().print(table)


@app.command("fetch")
def fetch_datasets(names: Names) -> None:
    """Bring datasets here and verify them."""
    console = Console()
    for one in [dataset(name) for name in names]:
        if one.note:
            console.print(f"{one.name}: {one.note}", highlight=False)
        paths = store.fetch(one.name, progress=console.is_terminal)
        console.print(f"{one.name}: {len(paths)} of {len(one.files)} files are here and verified.", highlight=False)
        if one.licence == "not stated":
            console.print(f"  Its licence is not stated. {one.licence_note}".rstrip(), highlight=False)
        for file in one.files:
            if store.state_of(one, file) == "missing":
                console.print(f"  {file.path} cannot be downloaded: it is {file.derived}.", highlight=False)


@app.command("verify")
def verify_datasets(
    names: Annotated[list[str] | None, typer.Argument(help="Names of datasets; all that are here if none.")] = None,
) -> None:
    """Check the local files against their published hashes; exits with 2 if any is wrong."""
    console = Console()
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
