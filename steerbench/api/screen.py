"""Where text is printed: how wide it may be, and whether it may have colours and moving bars."""

import os

from rich.console import Console

WIDE = 100
"""Columns of a file or a pipe, which has no width of its own. COLUMNS sets another, there and on a terminal."""


def console(stderr: bool = False) -> Console:
    """A console that writes no escape codes where NO_COLOR is set (https://no-color.org) or no terminal listens."""
    made = Console(stderr=stderr, force_terminal=False if os.environ.get("NO_COLOR") else None)
    if not made.file.isatty() and not os.environ.get("COLUMNS", "").isdigit():
        made.width = max(made.width, WIDE)
    return made
