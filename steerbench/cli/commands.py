"""Commands of other packages: each joins by an entry point in the group `steerbench.commands` that names a typer app.

A package is imported when its command is called, and when help lists it; it must be as quick to import as ours.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup

from steerbench.cli.main import INTERRUPTED
from steerbench.errors import UserError

GROUP = "steerbench.commands"
STRANGERS = "lm-eval"
"""The command whose options are all another program's, which may take empty ones."""


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

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Refuse what is empty, of every command at once: no option and no argument has a value that is no text."""
        if args[:1] != [STRANGERS]:
            refuse_empty(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Say that an interrupt stopped a command that does not say so itself; typer ends without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("\nStopped.", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None


def refuse_empty(args: Sequence[str]) -> None:
    """Raises UserError: an option or an argument is an empty text, as `--model "$MODEL"` is where MODEL is not set."""
    for place, arg in enumerate(args):
        option, equals, value = arg.partition("=")
        if arg.startswith("--") and equals and not value.strip():
            raise UserError(f"{option} is empty; give it a value, or leave it out.")
        if not arg.strip():
            before = args[place - 1] if place else ""
            named = before if before.startswith("-") and "=" not in before else "An argument"
            raise UserError(f"{named} is empty; give it a value, or leave it out.")


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
