"""Tables as HTML: what a notebook shows, and what can be pasted into a page. Every text is inert in it."""

from collections.abc import Iterable
from html import escape

from steerbench.reports.table import ReportTable, TableLine, heads, shown
from steerbench.reports.text import LONGEST, LONGEST_NAME, line

BOLD = ("<strong>", "</strong>")


def write(tables: Iterable[ReportTable]) -> str:
    return "\n".join(map(_written, tables))


def escaped(text: str, longest: int = LONGEST) -> str:
    return escape(line(text, longest))


def _written(table: ReportTable) -> str:
    columns = heads(table, _name)
    width = len(table.names) + len(columns)
    body = list(map(_row, table.methods))
    if table.trivial:
        body.append(f'<tr><td colspan="{width}"><em>trivial rows</em></td></tr>')
        body += map(_row, table.trivial)
    below = [f"<sup>{letter}</sup> {escaped(text)}" for letter, text in table.footnotes]
    below += map(escaped, table.notes)
    return "\n".join(
        (
            f'<table id="{escape(table.label)}">' if table.label else "<table>",
            f"<caption>{escaped(table.caption)}</caption>",
            f"<thead><tr>{''.join(f'<th>{head}</th>' for head in (*map(_name, table.names), *columns))}</tr></thead>",
            f"<tbody>{''.join(body)}</tbody>",
            "</table>",
            *(f"<p><small>{text}</small></p>" for text in below),
            "",
        )
    )


def _row(row: TableLine) -> str:
    first, *others = map(_name, row.names)
    letters = f"<sup>{','.join(row.letters)}</sup>" if row.letters else ""
    names = "".join(f"<td>{text}</td>" for text in (first + letters, *others))
    numbers = "".join(f'<td style="text-align: right">{shown(cell, escaped, BOLD)}</td>' for cell in row.cells)
    return f"<tr>{names}{numbers}</tr>"


def _name(text: str) -> str:
    return escaped(text, LONGEST_NAME)
