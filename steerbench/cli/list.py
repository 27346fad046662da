"""`steerbench list`: what there is to name on the command line, without importing any of it."""

import ast
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import EntryPoint
from json import dumps
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from steerbench.cli.model import amount
from steerbench.cli.options import Json
from steerbench.errors import UserError, unknown
from steerbench.plugins.finding import Kind, available


def list_command(
    kind: Annotated[str, typer.Argument(help="methods, tasks, judges, engines, models or datasets.")],
    name: Annotated[str | None, typer.Argument(help="One of them: all about it.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """List what there is: its name and what it is; or all about one of it, its parameters above all."""
    if kind not in LISTS:
        raise UserError(unknown("list of", kind, LISTS))
    if name is not None:
        _say_all(kind, name, json)
        return
    rows = LISTS[kind]()
    if json:
        print(dumps([{"name": name, "what": what} for name, what in rows.items()], indent=1, ensure_ascii=False))
        return
    table = Table.grid(padding=(0, 2))
    for each, what in rows.items():
        table.add_row(each, what)
    console = Console()
    console.print(table if rows else f"There are no {kind} here.", highlight=False)


def _say_all(kind: str, name: str, json: bool) -> None:
    """Raises UserError: it is none of what registers by an entry point, or has no such name."""
    from steerbench.plugins.described import described

    singular = {f"{one}s": one for one in get_args(Kind)}
    if kind not in singular:
        raise UserError(f"All about one of the {kind} is not told here; `steerbench list {kind}` names them.")
    found = described(cast(Kind, singular[kind]), name)
    if json:
        print(dumps(asdict(found), indent=1, ensure_ascii=False))
        return
    console = Console()
    console.print(Text(found.name, style="bold"), Text(found.source, style="dim"))
    console.print(Text(f"\n{found.what}\n"))
    if not found.parameters:
        console.print("It has no parameters.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head in ("parameter", "type", "default", "range"):
        table.add_column(head, overflow="fold")
    for one in found.parameters:
        default = (
            "(required)" if one.required else "(its own)" if one.default in (None, "<factory>") else str(one.default)
        )
        table.add_row(*map(Text, (one.name, one.type, default, one.range)))
    console.print(table)
    if found.example:
        console.print(Text(f"\nFor example {found.example}"))


def _plugins(kind: Kind) -> Callable[[], Mapping[str, str]]:
    return lambda: {name: first_line(point) for name, point in available(kind).items()}


def _models() -> Mapping[str, str]:
    from steerbench.models.architectures import ARCHITECTURES
    from steerbench.models.registry import models

    return {
        **{one.name: f"{amount(one.parameters)}, {one.licence}. For {one.purpose}." for one in models().values()},
        "(any other)": f"A folder or Hugging Face id: {', '.join(ARCHITECTURES)}.",
        "(FILE.gguf)": "A GGUF file, here or as REPOSITORY:FILE on Hugging Face: docs/reference/models.md.",
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
