"""The words of a board's flags, made where they are shown.

Runs hold flags as data, a kind and its values. Older runs hold them as sentences, which are shown as they are.
"""

import contextlib
import math
from collections.abc import Sequence
from functools import cache
from string import Formatter
from typing import Any

from steerbench.contracts.flags import KINDS, Flag, FlagKind, Value, flag_kind
from steerbench.plugins.finding import available
from steerbench.toolkit.boards import named  # noqa: F401  (declares its kinds)
from steerbench.toolkit.flags import percent

TOLERANCE = 1e-9
OVERFLOWS = flag_kind(
    "overflows",
    "strength overflows on {count} of {answers} answers",
    "every board",
    "the steering made numbers too large to compute with; the row's other numbers mean little",
)
HIDDEN = flag_kind(
    "hidden",
    "not recomputed: its answers would tell what people ticked, and are not published",
    "PAPI, Dark Triad",
    "a control was shown what people ticked, and its answers repeat it; its numbers are taken as its author says them",
)
SHORTENED = {" cut off at the token limit (personalitybench.max_new_tokens raises it)": " cut off at the token limit"}
"""Words in older runs, and what the same kind of flag says now."""


def words(flag: Flag | str) -> str:
    """A flag as a short sentence; one of an unknown kind is its name with its values."""
    if isinstance(flag, str):
        for before, now in SHORTENED.items():
            flag = flag.replace(before, now)
        return flag
    kind = KINDS.get(flag.kind) or all_kinds().get(flag.kind)
    if kind is not None and kind.fields == set(flag.values):
        with contextlib.suppress(TypeError, ValueError):  # values that somebody else's run made up
            return _Words().vformat(kind.words, (), flag.values)
    told = ", ".join(f"{name} {value}" for name, value in flag.values.items())
    return f"{flag.kind} ({told})" if told else flag.kind


def same_flags(said: Sequence[Flag | str], found: Sequence[Flag | str]) -> bool:
    """Whether two rows are flagged alike. A sentence is compared by its words, data by kind and values."""
    return len(said) == len(found) and all(map(_same, said, found))


def all_kinds() -> dict[str, FlagKind]:
    """Every kind of flag that the harness and the installed tasks declare, the harness's first, then by board."""
    _import_tasks()
    ours = [kind for kind in KINDS.values() if "/" not in kind.name]
    tasks = sorted((kind for kind in KINDS.values() if "/" in kind.name), key=lambda kind: kind.boards)
    return {kind.name: kind for kind in [*ours, *tasks]}


@cache
def _import_tasks() -> None:
    """A task's kinds are declared when it is imported."""
    for point in available("task").values():
        with contextlib.suppress(Exception):  # a task that cannot be imported declares nothing
            point.load()


class _Words(Formatter):
    """Fills in a kind's template."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec != "%":
            return str(value)
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValueError(f"{value!r} is no share")
        return percent(value)


def _same(said: Flag | str, found: Flag | str) -> bool:
    if isinstance(said, str) or isinstance(found, str):
        return words(said) == words(found)
    if said.kind != found.kind or set(said.values) != set(found.values):
        return False
    return all(_close(value, found.values[name]) for name, value in said.values.items())


def _close(one: Value, other: Value) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return type(one) is type(other) and one == other
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
