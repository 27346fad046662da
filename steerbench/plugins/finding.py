"""Finds methods, tasks, judges and engines by name, ours and strangers' through the same door.

A package joins by an entry point in the group `steerbench.methods` (or tasks, judges, engines) that
names a class; nothing else has to be edited.
"""

import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from steerbench.errors import UserError, unknown

Kind = Literal["method", "task", "judge", "engine"]


def available(kind: Kind) -> dict[str, EntryPoint]:
    """All registered names of a kind, in alphabetical order."""
    return dict(_registered(f"steerbench.{kind}s", tuple(sys.path)))


@lru_cache(maxsize=32)
def _registered(group: str, path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Every installed distribution is looked at for it, so it is kept as long as the import path stays what it is."""
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda point: point.name)}


def find(kind: Kind, name: str) -> Any:
    """The class registered under a name.

    Raises:
        UserError: nothing has that name (near misses are suggested), or its package does not import.
    """
    points = available(kind)
    if name not in points:
        raise UserError(unknown(kind, name, points))
    try:
        return points[name].load()
    except ImportError as error:
        raise UserError(f"The {kind} '{name}' ({points[name].value}) cannot be imported: {error}.") from error
