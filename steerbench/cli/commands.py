"""Commands of other packages: each joins by an entry point in the group `steerbench.commands` that names a typer app.

A package is imported when its command is called, and when help lists it; it must be as quick to import as ours.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup

from steerbench.errors import UserError

GROUP = "steerbench.commands"


class Commands(TyperGroup):
    """Our commands, in their order, and after them what other packages bring. Ours win a name that both have."""

    def list_commands(self, ctx: Any) -> list[str]:
        own = super().list_commands(ctx)
        return [*own, *(name for name in _found() if name not in own)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        point = _found().get(cmd_name)
        return None if point is None else _load(point)


def _found() -> dict[str, EntryPoint]:
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def _load(point: EntryPoint) -> Any:
    """The command; one that cannot be imported is listed all the same, and says why when it is called."""
    try:
        found = point.load()
    except Exception as error:  # whatever a stranger's module raises must not take our help away
        found = _broken(f"The command '{point.name}' ({point.value}) cannot be imported: {error}.")
    command = typer.main.get_command(found)
    command.name = point.name
    return command


def _broken(why: str) -> typer.Typer:
    app = typer.Typer(help="Cannot be imported.")

    @app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
    def say() -> None:
        raise UserError(why)

    return app
