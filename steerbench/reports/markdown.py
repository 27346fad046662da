"""Tables as Markdown with pipes (GitHub's), every text inert in it."""

import re
from collections.abc import Iterable

from steerbench.reports.table import Cell, Line, Table
from steerbench.reports.text import LONGEST, LONGEST_NAME, line

SPECIAL = re.compile(r"[\\`*_\[\]~$#@^&<>|]|(?<=www)\.|:(?=//)")
"""What could begin emphasis, code, a link, a formula, a mention, an address, a tag or a cell anywhere in a line."""
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
NOTHING = "-"


def write(tables: Iterable[Table]) -> str:
    return "\n".join(map(_written, tables))


def escaped(text: str, longest: int = LONGEST) -> str:
    """Text that any reader of Markdown shows as it is."""
    return SPECIAL.sub(lambda found: ENTITIES.get(found[0], f"\\{found[0]}"), line(text, longest))


def _written(table: Table) -> str:
    heads = list(map(_name, table.columns))
    if table.groups:
        labels = [label for label, columns in table.groups for _ in range(columns)]
        heads = [f"{_name(label)}: {head}" for label, head in zip(labels, heads, strict=True)]
    names = len(table.names)
    rows = [_row([*map(_name, table.names), *heads]), _row(["---"] * names + ["---:"] * len(heads))]
    rows += [_row(_cells(one)) for one in table.methods]
    if table.trivial:
        rows.append(_row(["*trivial rows*", *[""] * (names - 1 + len(heads))]))
        rows += [_row(_cells(one)) for one in table.trivial]
    below = [f"<sup>{letter}</sup> {escaped(text)}" for letter, text in table.footnotes]
    parts = [
        f"**Table.** {escaped(table.caption)}",
        "\n".join(rows),
        *below,
        *(f"Note: {escaped(n)}" for n in table.notes),
    ]
    return "\n\n".join(parts) + "\n"


def _cells(row: Line) -> list[str]:
    first, *others = map(_name, row.names)
    letters = f"<sup>{','.join(row.letters)}</sup>" if row.letters else ""
    return [first + letters, *others, *map(_number, row.cells)]


def _number(cell: Cell) -> str:
    if not cell.value:
        return NOTHING
    interval = f" [{cell.low}, {cell.high}]" if cell.low else ""
    return f"{cell.value}{escaped(cell.mark)}{interval}"


def _name(text: str) -> str:
    return escaped(text, LONGEST_NAME)


def _row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"
