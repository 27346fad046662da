"""Tables as Markdown with pipes (GitHub's), every text inert in it."""

import re
from collections.abc import Iterable

from steerbench.reports.table import ReportTable, TableLine, heads, shown
from steerbench.reports.text import LONGEST, LONGEST_NAME, line

SPECIAL = re.compile(r"[\\`*_\[\]~$^]")
"""What could begin emphasis, code, a link or a formula anywhere in a line."""
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
# Not the number sign of an entity.
ADDRESS = re.compile(r"@|(?<!&)#|www(?=\.)|:(?=//)")
APART = "<!-- -->"
"""Keeps sites from making a link or a mention of plain text, which they do after the Markdown was read."""


def write(tables: Iterable[ReportTable]) -> str:
    return "\n".join(map(_written, tables))


def escaped(text: str, longest: int = LONGEST) -> str:
    """Text that any reader of Markdown shows as it is."""
    inert = "".join(ENTITIES.get(character, character) for character in SPECIAL.sub(r"\\\g<0>", line(text, longest)))
    return ADDRESS.sub(rf"\g<0>{APART}", inert)


def _written(table: ReportTable) -> str:
    columns = heads(table, _name)
    names = len(table.names)
    rows = [_row([*map(_name, table.names), *columns]), _row(["---"] * names + ["---:"] * len(columns))]
    rows += [_row(_cells(one)) for one in table.methods]
    if table.trivial:
        rows.append(_row(["*trivial rows*", *[""] * (names - 1 + len(columns))]))
        rows += [_row(_cells(one)) for one in table.trivial]
    below = [f"<sup>{letter}</sup> {escaped(text)}" for letter, text in table.footnotes]
    parts = [
        f"**Table.** {escaped(table.caption)}",
        "\n".join(rows),
        *below,
        *(f"Note: {escaped(n)}" for n in table.notes),
    ]
    return "\n\n".join(parts) + "\n"


def _cells(row: TableLine) -> list[str]:
    first, *others = map(_name, row.names)
    letters = f"<sup>{','.join(row.letters)}</sup>" if row.letters else ""
    return [first + letters, *others, *(shown(cell, escaped, ("**", "**")) for cell in row.cells)]


def _name(text: str) -> str:
    return escaped(text, LONGEST_NAME)


def _row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"
