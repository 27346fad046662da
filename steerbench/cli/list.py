"""`steerbench list`: what there is to name on the command line, without importing any of it."""

import ast
import importlib.util
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from steerbench.cli.model import amount
from steerbench.errors import UserError, unknown
from steerbench.plugins.finding import Kind, available


def list_command(
    kind: Annotated[str, typer.Argument(help="methods, tasks, judges, engines, models or datasets.")],
) -> None:
    """List what there is: its name and what it is."""
    if kind not in LISTS:
        raise UserError(unknown("list of", kind, LISTS))
    rows = LISTS[kind]()
    table = Table.grid(padding=(0, 2))
    for name, what in rows.items():
        table.add_row(name, what)
    console = Console()
    console.print(table if rows else f"There are no {kind} here.", highlight=False)


def _plugins(kind: Kind) -> Callable[[], Mapping[str, str]]:
    return lambda: {name: first_line(point) for name, point in available(kind).items()}


def _models() -> Mapping[str, str]:
    from steerbench.models.architectures import ARCHITECTURES
    from steerbench.models.registry import models

    return {
        **{one.name: f"{amount(one.parameters)}, {one.licence}. For {one.purpose}." for one in models().values()},
        "(any other)": f"A folder or Hugging Face id: {', '.join(ARCHITECTURES)}.",
        "(FILE.gguf)": "A GGUF file, here or as REPOSITORY:FILE on Hugging Face (docs/models.md says of which models).",
    }


def _datasets() -> Mapping[str, str]:
    from steerbench.datasets.registry import datasets

    return {one.name: one.what for one in datasets().values()}


LISTS: Mapping[str, Callable[[], Mapping[str, str]]] = {
    "methods": _plugins("method"),
    "tasks": _plugins("task"),
    "judges": _plugins("judge"),
    "engines": _plugins("engine"),
    "models": _models,
    "datasets": _datasets,
}


def first_line(point: EntryPoint) -> str:
    """The first line of a plug-in's docstring, read from its source: importing it may take seconds."""
    try:
        found = importlib.util.find_spec(point.module)
    except ImportError:
        found = None
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        return f"({point.value} cannot be read)"
    for node in ast.walk(ast.parse(Path(found.origin).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == point.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""
