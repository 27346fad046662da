"""Tables that fit the screen: columns without room are left out, and a line says which. Cells are never wrapped."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from steerbench.reports.text import line

SHORTEST_NAME = 12
"""Characters of a row's name that are shown on the narrowest screen."""


@dataclass(frozen=True)
class Column:
    """A column: its head, which is broken at blanks, and a text per row.

    `kept` says in which order columns are given up: the smallest first, None for what is always shown. `brief` has
    shorter cells, which lack what `brief_lacks` says; `brief_kept` is the place of shortening in the same order.
    """

    name: str
    cells: Sequence[str]
    kept: float | None = None
    brief: Sequence[str] | None = None
    brief_kept: float = 0.0
    right: bool = True
    brief_lacks: str = "some intervals"

    @property
    def width(self) -> int:
        return max(map(cell_len, (*_head(self.name), *self.cells)), default=0)


@dataclass(frozen=True)
class Fitted:
    """A table that fits, and what it leaves out. `needs` is the width at which nothing is."""

    columns: Sequence[Column]
    omitted: Sequence[str]
    lacking: Sequence[str]
    needs: int

    @property
    def remark(self) -> str:
        """What was left out and how to see it; "" if nothing was."""
        left = [*self.omitted, *self.lacking]
        listed = f"{', '.join(left[:-1])} and {left[-1]}" if len(left) > 1 else "".join(left)
        return f"Not shown for lack of room: {listed}. COLUMNS={self.needs} shows all." if left else ""


def fitted(columns: Sequence[Column], width: int) -> Fitted:
    """As many of the columns as fit; the first has the rows' names, which are cut if even the least is too wide."""
    needs, shown = _width(columns), list(columns)
    omitted: list[str] = []
    briefer: list[str] = []
    for _, name, whole in sorted(_cuts(columns)):
        if _width(shown) <= width:
            break
        if whole:
            shown = [one for one in shown if one.name != name]
            omitted.append(name)
        else:
            shown = [replace(one, cells=one.brief or one.cells) if one.name == name else one for one in shown]
            briefer.append(name)
    if shown and (excess := _width(shown) - width) > 0:
        room = max(shown[0].width - excess, SHORTEST_NAME)
        shown[0] = replace(shown[0], cells=[_cut(text, room) for text in shown[0].cells])
    in_order = [one.name for one in columns if one.name in omitted]
    lacking = dict.fromkeys(one.brief_lacks for one in columns if one.name in briefer and one.name not in omitted)
    return Fitted(shown, in_order, list(lacking), needs)


def print_table(console: Console, columns: Sequence[Column], dim: Sequence[bool] = (), more: str = "") -> None:
    """Print the columns that fit, rows marked in `dim` dimmed, and below what was left out, and `more`."""
    found = fitted([_plain(one) for one in columns], console.width)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for one in found.columns:
        side: Literal["left", "right"] = "right" if one.right else "left"
        table.add_column(Text("\n".join(_head(one.name))), justify=side, no_wrap=True, overflow="ellipsis")
    for place, cells in enumerate(zip(*(one.cells for one in found.columns), strict=True)):
        table.add_row(*map(Text, cells), style="dim" if dim and dim[place] else "")
    console.print(table)
    if said := " ".join(part for part in (found.remark, more) if part):
        console.print(Text(said, style="dim"))


def print_facts(console: Console, facts: Sequence[str], style: str = "") -> None:
    """Print facts with commas, in lines that are broken between two of them."""
    lines = [""]
    for place, fact in enumerate(map(line, facts)):
        piece = fact + ("," if place < len(facts) - 1 else "")
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(piece) > console.width:
            lines.append(piece)
        else:
            lines[-1] = f"{lines[-1]} {piece}".strip()
    console.print(Text("\n".join(lines), style=style))


def _plain(column: Column) -> Column:
    """The same on one line each, without control characters: names may come from anybody's published run."""
    brief = None if column.brief is None else list(map(line, column.brief))
    return replace(column, name=line(column.name), cells=list(map(line, column.cells)), brief=brief)


def _cuts(columns: Sequence[Column]) -> list[tuple[float, str, bool]]:
    """What can be given up: when, of which column, and whether all of it or its intervals."""
    whole = [(one.kept, one.name, True) for one in columns if one.kept is not None]
    return whole + [(one.brief_kept, one.name, False) for one in columns if one.brief is not None]


def _width(columns: Sequence[Column]) -> int:
    """With a blank between two columns."""
    return sum(one.width + 1 for one in columns) - 1


def _head(name: str) -> list[str]:
    return name.split(" ")


def _cut(text: str, room: int) -> str:
    return text if cell_len(text) <= room else f"{set_cell_size(text, room - 1)}…"
