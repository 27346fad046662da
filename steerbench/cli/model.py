"""`steerbench model`: which models are known by name, getting them, checking them."""

from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from steerbench.api.screen import console as screen
from steerbench.errors import UserError

app = typer.Typer(help="List, fetch and check models known by name.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """Show every model, its licence and size, and whether it is here."""
    from steerbench.models.cache import models_folder
    from steerbench.models.fetch import state_of
    from steerbench.models.registry import models

    table = Table()
    for column in ("name", "parameters", "licence", "download", "on disk", "here"):
        numeric = column in ("parameters", "download", "on disk")
        table.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    for one in models().values():
        sizes = (decimal(one.size), decimal(one.converted_size))
        table.add_row(one.name, amount(one.parameters), one.licence, *sizes, state_of(one))
    console = screen()
    console.print(table)
    for one in models().values():
        console.print(f"{one.name} is {one.what}, for {one.purpose}.", highlight=False)
    console.print(f"Models are fetched on first use into {models_folder()}.", highlight=False, soft_wrap=True)


@app.command("fetch")
def fetch_models(
    names: Annotated[list[str], typer.Argument(help="Names of models, as `steerbench model list` shows them.")],
) -> None:
    """Download models, verified and ready to run."""
    from steerbench.models.fetch import ensure
    from steerbench.models.registry import model_entry

    for one in [model_entry(name) for name in names]:
        folder = ensure(one, progress=screen(stderr=True).is_terminal)
        screen().print(f"{one.name}: here and verified, {folder}", highlight=False, soft_wrap=True)


@app.command("verify")
def verify_models(
    names: Annotated[list[str] | None, typer.Argument(help="Names of models; all that are here if none.")] = None,
) -> None:
    """Check the files of models that are here."""
    from steerbench.models.fetch import folder_of, verify
    from steerbench.models.registry import model_entry, models

    console = screen()
    chosen = [model_entry(name) for name in names or models()]
    absent = [one.name for one in chosen if not (folder_of(one).exists() or folder_of(one).is_symlink())]
    problems = {one.name: verify(one) for one in chosen if one.name not in absent}
    for name, problem in problems.items():
        console.print(f"{name}: {problem or 'as built everywhere'}", highlight=False, soft_wrap=True)
    if absent:
        said = f"Not here yet (`steerbench model fetch NAME` brings one): {', '.join(absent)}."
        console.print(said, highlight=False, soft_wrap=True)
    if wrong := [name for name, problem in problems.items() if problem]:
        raise UserError(f"These models are not as they were built: {', '.join(wrong)}; the lines above say where.")
    if names and absent:
        raise UserError(f"These models were to be checked and are not here: {', '.join(absent)}.")


def amount(parameters: int) -> str:
    """A number of parameters as people say it: 135M, 1.5B."""
    if parameters >= 1e9:
        return f"{parameters / 1e9:.1f}B"
    return f"{parameters / 1e6:.0f}M" if parameters >= 1e6 else f"{parameters / 1e3:.0f}K"
