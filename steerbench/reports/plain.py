"""Tables as plain text for a terminal: columns that do not fit are left out, and no cell is wrapped."""

import textwrap
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

from steerbench.reports.table import ReportTable, TableLine, heads, shown
from steerbench.reports.text import LONGEST, LONGEST_NAME, line

SHORTEST_NAME = 12
"""Characters of a row's name that are shown on the narrowest screen."""


def write(tables: Iterable[ReportTable], width: int) -> str:
    return "\n".join(_written(table, width) for table in tables)


def _written(table: ReportTable, width: int) -> str:
    columns = _columns(table)
    names = len(table.names)
    needs = _width(columns)
    kept = len(columns)
    while kept > names + 1 and _width(columns[:kept]) > width:
        kept -= 1
    shown_columns = _narrowed(columns[:kept], width)
    omitted = [column[0] for column in columns[kept:]]
    texts = [table.caption, *(f"({letter}) {text}" for letter, text in table.footnotes), *table.notes]
    if omitted:
        listed = f"{', '.join(omitted[:-1])} and {omitted[-1]}" if len(omitted) > 1 else omitted[0]
        texts.insert(1, f"Not shown for lack of room: {listed}. COLUMNS={needs} shows all.")
    caption, *below = (_filled(line(text, LONGEST), width) for text in texts)
    return "\n".join((caption, *_rows(table, shown_columns), *below, ""))


def _columns(table: ReportTable) -> list[list[str]]:
    """Each column's texts, the head first; a trivial row is marked by a star after its name."""
    rows = [(one, "") for one in table.methods] + [(one, "*") for one in table.trivial]
    names = [
        [head, *(_name(row, place) + (star if place == 0 else "") for row, star in rows)]
        for place, head in enumerate(table.names)
    ]
    numbers = [
        [head, *(shown(row.cells[place], line) for row, _ in rows)] for place, head in enumerate(heads(table, _short))
    ]
    return names + numbers


def _name(row: TableLine, place: int) -> str:
    letters = f" ({','.join(row.letters)})" if row.letters and place == 0 else ""
    return _short(row.names[place]) + letters


def _rows(table: ReportTable, columns: Sequence[Sequence[str]]) -> list[str]:
    """Lines of the table, and one that explains the star."""
    names = len(table.names)
    widths = [max(map(cell_len, column)) for column in columns]
    lines = [
        " ".join(
            set_cell_size(text, width) if place < names else " " * (width - cell_len(text)) + text
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in zip(*columns, strict=True)
    ]
    return [*lines, "* trivial row: a baseline, reference or control to compare with"] if table.trivial else lines


def _narrowed(columns: list[list[str]], width: int) -> list[list[str]]:
    """With names cut where even the first column of numbers would not fit."""
    excess = _width(columns) - width
    if excess <= 0:
        return columns
    room = max(max(map(cell_len, columns[0])) - excess, SHORTEST_NAME)
    cut = [text if cell_len(text) <= room else f"{set_cell_size(text, room - 1)}…" for text in columns[0]]
    return [cut, *columns[1:]]


def _width(columns: Sequence[Sequence[str]]) -> int:
    return sum(max(map(cell_len, column)) + 1 for column in columns) - 1


def _filled(text: str, width: int) -> str:
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def _short(text: str) -> str:
    return line(text, LONGEST_NAME)
