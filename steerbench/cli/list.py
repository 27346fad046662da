"""`steerbench list`: what there is to name on the command line, without importing any of it."""

import ast
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import EntryPoint
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer
from rich.table import Table
from rich.text import Text

from steerbench.api.screen import console as screen
from steerbench.cli.model import amount
from steerbench.cli.options import Json
from steerbench.errors import UserError, unknown
from steerbench.plugins.finding import Kind, available

if TYPE_CHECKING:
    from steerbench.plugins.described import Parameter

METHOD = "method"
"""The role of what is measured; every other role is of a row to compare methods with."""


@dataclass(frozen=True)
class Listed:
    """A name and what it is; of a method also its role on a board."""

    name: str
    what: str
    role: str = ""


def list_command(
    kind: Annotated[str, typer.Argument(help="methods, tasks, judges, engines, models or datasets.")],
    name: Annotated[str | None, typer.Argument(help="One of them, to see its parameters.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """List methods, tasks, models and more, or describe one of them."""
    if kind not in LISTS:
        raise UserError(unknown("list of", kind, LISTS))
    if name is not None:
        _describe(kind, name, json)
        return
    rows = list(LISTS[kind]())
    if json:
        print(dumps([{key: text for key, text in asdict(row).items() if text} for row in rows], indent=1))
        return
    methods = [row for row in rows if row.role in ("", METHOD)]
    compared = [row for row in rows if row.role not in ("", METHOD)]
    if not rows:
        print(f"There are no {kind} here.")
    _print(kind, methods, heading="methods to measure" if compared else "")
    _print(kind, compared, heading="rows to compare them with: constants, references, ceilings, controls")


def _print(kind: str, rows: Sequence[Listed], heading: str) -> None:
    """A group of a list; roles are shown where they differ."""
    if not rows:
        return
    console = screen()
    if heading:
        console.print(Text(heading, style="bold"))
    table = Table.grid(padding=(0, 2))
    roles = kind == "methods" and any(row.role != METHOD for row in rows)
    for row in rows:
        cells = (row.name, row.role, row.what) if roles else (row.name, row.what)
        table.add_row(*map(Text, cells))
    console.print(table)


def _describe(kind: str, name: str, json: bool) -> None:
    """Raises UserError: the kind is not of plug-ins, or none of them has that name."""
    from steerbench.plugins.described import described

    singular = {f"{one}s": one for one in get_args(Kind)}
    if kind not in singular:
        raise UserError(f"The {kind} have no parameters; `steerbench list {kind}` lists them.")
    found = described(cast(Kind, singular[kind]), name)
    if json:
        print(dumps(asdict(found), indent=1, ensure_ascii=False))
        return
    console = screen()
    console.print(Text(found.name, style="bold"), Text(found.source, style="dim"))
    console.print(Text(f"\n{found.what}\n"))
    if not found.parameters:
        console.print("It has no parameters.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head in ("parameter", "type", "default", "range"):
        table.add_column(head, overflow="fold")
    for one in found.parameters:
        table.add_row(*map(Text, (one.name, one.type, _default(one), one.range)))
    console.print(table)
    if found.example:
        console.print(Text(f"\nFor example {found.example}"))


def _default(parameter: "Parameter") -> str:
    if parameter.required:
        return "(required)"
    if parameter.default in (None, "<factory>"):
        return "(its own)"
    return str(parameter.default)


def _plugins(kind: Kind) -> Iterator[Listed]:
    for name, point in available(kind).items():
        what, role = told_by_source(point)
        yield Listed(name, what, (role or METHOD) if kind == "method" else "")


def _models() -> Iterator[Listed]:
    from steerbench.models.architectures import ARCHITECTURES
    from steerbench.models.registry import models

    for one in models().values():
        yield Listed(one.name, f"{amount(one.parameters)}, {one.licence}. For {one.purpose}.")
    yield Listed("(any other)", f"A folder or Hugging Face id: {', '.join(ARCHITECTURES)}.")
    yield Listed("(FILE.gguf)", "A GGUF file, local or REPOSITORY:FILE on Hugging Face: docs/reference/models.md.")


def _datasets() -> Iterator[Listed]:
    from steerbench.datasets.registry import datasets

    for one in datasets().values():
        yield Listed(one.name, one.what)


LISTS: Mapping[str, Callable[[], Iterator[Listed]]] = {
    **{f"{kind}s": partial(_plugins, kind) for kind in get_args(Kind)},
    "models": _models,
    "datasets": _datasets,
}


def told_by_source(point: EntryPoint) -> tuple[str, str]:
    """The first line of a plug-in's docstring, and its role, read from its source: importing it may take seconds."""
    try:
        found = importlib.util.find_spec(point.module)
    except ImportError:
        found = None
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        return f"({point.value} cannot be read)", ""
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    nodes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    own = nodes.get(point.attr)
    if own is None:
        return "", ""
    return (ast.get_docstring(own) or "").partition("\n")[0], _role(own, nodes)


def _role(plugin: ast.stmt, nodes: Mapping[str, ast.stmt]) -> str:
    """The string that a class gives its attribute `role`, or the class of the same file that it derives from."""
    if not isinstance(plugin, ast.ClassDef):
        return ""
    for statement in plugin.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="role")], value=ast.Constant(value=str(role))):
                return role
    bases = [nodes[base.id] for base in plugin.bases if isinstance(base, ast.Name) and base.id in nodes]
    return next(filter(None, (_role(base, nodes) for base in bases)), "")
