"""Finds methods, tasks, judges and engines by name, ours and strangers' through the same door.

A package joins by an entry point in the group `steerbench.methods` (or tasks, judges, engines) that
names a class; nothing else has to be edited.
"""

import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
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
    """The class registered under a name, with the defaults of its contract.

    Raises:
        UserError: nothing has that name (near misses are suggested), its package does not import, or its contract asks
            for more than it has.
    """
    from steerbench.plugins.door import admit  # with the contracts comes NumPy, which a list of names can do without

    points = available(kind)
    if name not in points:
        raise UserError(unknown(kind, name, points))
    point = points[name]
    if EntryPoint.pattern.match(point.value) is None:
        raise UserError(f"{spoken(kind, point)} is no entry point; write it as package.module:Class.")
    try:
        found = point.load()
    except UserError:
        raise
    except (ImportError, AttributeError) as error:
        hides = _hiding(point)
        why = f"{hides} has the name of a folder of SteerBench and is found first; rename it" if hides else error
        raise UserError(f"{spoken(kind, point)} cannot be imported: {why}.") from error
    except Exception as error:  # whatever else somebody's module does when it is imported
        raise UserError(f"{spoken(kind, point)} cannot be imported: {type(error).__name__}: {error}.") from error
    admit(kind, spoken(kind, point), found)
    return found


def spoken(kind: Kind, point: EntryPoint) -> str:
    """A plug-in at the start of a sentence about it: its name, and where it is."""
    return f"The {kind} '{point.name}' ({point.value})"


def _hiding(point: EntryPoint) -> str:
    """What stands in for a folder of ours: a `tasks.py` beside a notebook is found before it; "" if nothing does.

    `methods/`, `tasks/` and `judges/` keep their short names, for people look for them by these. So whoever has such a
    name too is told.
    """
    module = sys.modules.get(point.module.partition(".")[0])
    if point.dist is None or point.dist.name != "steerbench" or module is None:
        return ""
    folders = list(getattr(module, "__path__", ()))
    place = str(folders[0] if folders else module.__file__)
    return "" if Path(place).is_relative_to(Path(__file__).parents[2]) else place
