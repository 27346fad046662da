"""`steerbench new`: a folder from which a plug-in of one's own starts, with its test and its entry point."""

import keyword
import re
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from steerbench.errors import UserError
from steerbench.plugins.finding import Kind, available
from steerbench.storage.files import understandable

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
FILES = {
    "{kind}/module.py.txt": "{module}.py",
    "{kind}/test_module.py.txt": "tests/test_{module}.py",
    "{kind}/README.md.txt": "README.md",
    "pyproject.toml.txt": "pyproject.toml",
}
"""What a plug-in starts from, and what the files become."""
TRIALS: dict[Kind, str] = {
    "method": "run --method {name} --task papi --respondents 6",
    "task": "run --task {name} --method caa",
    "judge": "judge check {name}",
    "engine": "run --engine {name} --method caa --task papi --respondents 6",
}
"""A first command with each."""

Name = Annotated[str, typer.Argument(help="What it is called on the command line.", show_default=False)]
Out = Annotated[Path | None, typer.Option(help="The folder to make.", show_default="steerbench-NAME")]

app = typer.Typer(help="Start a plug-in of your own.", no_args_is_help=True)


@app.command("method")
def method_command(name: Name, out: Out = None) -> None:
    """Write a method that runs as it is (a vector added to the residual stream), its test and its entry point."""
    start("method", name, out)


@app.command("task")
def task_command(name: Name, out: Out = None) -> None:
    """Write a task that runs as it is (twelve questions with two answers each), its test and its entry point."""
    start("task", name, out)


@app.command("judge")
def judge_command(name: Name, out: Out = None) -> None:
    """Write a judge that rates as it is (fluency, by words that come again), its test and its entry point."""
    start("judge", name, out)


@app.command("engine")
def engine_command(name: Name, out: Out = None) -> None:
    """Write an engine that runs as it is (it asks the engine hf), its test and its entry point."""
    start("engine", name, out)


def start(kind: Kind, name: str, out: Path | None) -> None:
    """Write the folder of a new plug-in, and say what to do with it.

    Raises:
        UserError: it cannot be called so, or the folder is there already or cannot be written.
    """
    check_name(kind, name)
    folder = out or Path(f"steerbench-{name}")
    if folder.exists():
        raise UserError(f"{folder} is there already; name another folder with --out.")
    with understandable(folder):
        for file, text in started(kind, name).items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
    print(f"{folder} holds the {kind} '{name}', which runs as it is. Next:")
    print(f"  pip install --no-deps -e {folder}")
    print(f"  steerbench {TRIALS[kind].format(name=name)}")
    print(f"  pytest {folder}")


def check_name(kind: Kind, name: str) -> None:
    """Raises UserError: no plug-in can be called so, or its module or its class would hide another."""
    if not NAME.fullmatch(name):
        raise UserError(f"'{name}' cannot be the name: use small letters, digits and single dashes, as in my-{kind}.")
    if name in available(kind):
        article = "an" if kind == "engine" else "a"
        raise UserError(f"There is {article} {kind} '{name}' already; choose another name.")
    module, class_name = names_of(name)
    if keyword.iskeyword(module) or keyword.issoftkeyword(module):
        raise UserError(f"'{name}' cannot be the name: it is a keyword of Python; choose another, as my-{name}.")
    if module in sys.stdlib_module_names or find_spec(module) is not None:
        raise UserError(
            f"'{name}' cannot be the name: its module {module}.py would hide one that is installed; choose another, as "
            f"my-{name}."
        )
    if re.search(rf"\b{class_name}\b", _template(f"{kind}/module.py.txt")):
        raise UserError(
            f"'{name}' cannot be the name: its class {class_name} would be called as something it needs; choose "
            f"another, as my-{name}."
        )


def names_of(name: str) -> tuple[str, str]:
    """Of a plug-in, the names of its module and its class."""
    return name.replace("-", "_"), "".join(part.capitalize() for part in name.split("-"))


def started(kind: Kind, name: str) -> dict[str, str]:
    """The files of a new plug-in, by their places in its folder."""
    module, class_name = names_of(name)
    told = {"kind": kind, "name": name, "module": module, "Class": class_name}
    return {
        place.format(module=module): Template(_template(file.format(kind=kind))).substitute(told)
        for file, place in FILES.items()
    }


def _template(file: str) -> str:
    return (files("steerbench.cli") / "starting" / file).read_text(encoding="utf-8")
