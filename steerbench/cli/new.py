"""`steerbench new`: a folder from which a plug-in of one's own starts, with its test and its entry point."""

import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from steerbench.errors import UserError
from steerbench.plugins.finding import available

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
FILES = {
    "pyproject.toml.txt": "pyproject.toml",
    "module.py.txt": "{module}.py",
    "test_module.py.txt": "tests/test_{module}.py",
}
"""Of each starting folder, and what they become."""

app = typer.Typer(help="Start a plug-in of your own.", no_args_is_help=True)


@app.command("method")
def method_command(
    name: Annotated[str, typer.Argument(help="What it is called on the command line.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="The folder to make.", show_default="steerbench-NAME", file_okay=False)
    ] = None,
) -> None:
    """Write a method that runs as it is, its test and its entry point."""
    if not NAME.fullmatch(name):
        raise UserError(f"'{name}' cannot be the name: use small letters, digits and single dashes, as in my-method.")
    if name in available("method"):
        raise UserError(f"There is a method '{name}' already; choose another name.")
    folder = out or Path(f"steerbench-{name}")
    if folder.exists():
        raise UserError(f"{folder} is there already; name another folder with --out.")
    for file, text in started("method", name).items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
    print(f"{folder} holds the method '{name}', which runs as it is. Next:")
    print(f"  pip install --no-deps -e {folder}")
    print(f"  steerbench run --method {name} --task papi --respondents 4")
    print(f"  pytest {folder}")


def started(kind: str, name: str) -> dict[str, str]:
    """The files of a new plug-in, by their places in its folder."""
    module = name.replace("-", "_")
    told = {"name": name, "module": module, "Class": "".join(part.capitalize() for part in name.split("-"))}
    home = files("steerbench.cli") / "starting" / kind
    return {
        place.format(module=module): Template((home / file).read_text(encoding="utf-8")).substitute(told)
        for file, place in FILES.items()
    }
