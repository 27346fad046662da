"""Tables as LaTeX. Of packages they need booktabs only.

Numbers are plain digits set flush right with equal decimals, so that their points align without siunitx, which many
a journal's class lacks; an interval stands beneath its number, and a mark takes no room.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence

from steerbench.reports.table import ReportTable, TableCell, TableLine
from steerbench.reports.text import LONGEST, LONGEST_NAME, line

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\symbol{34}",
    "`": r"\textasciigrave{}",
    "…": r"\ldots{}",
    "†": r"\textdagger{}",
    **{character: f"\\{character}" for character in "{}$&#_%"},
    # Two of them in a row would become another character.
    "-": "-{}",
    "'": "'{}",
}
WIDEST_HEAD = 13
"""Characters of a line of a column's head, which is broken between words."""
WIDE = 5
"""Columns of numbers from which on a table goes over both columns of a page."""


def write(tables: Iterable[ReportTable]) -> str:
    return "% Needs \\usepackage{booktabs}.\n" + "\n".join(map(_written, tables))


def escaped(text: str, longest: int = LONGEST) -> str:
    """Text that TeX sets as it is."""
    written = "".join(SPECIAL.get(character, character) for character in line(text, longest))
    return re.sub(r"([-'])\{\}(?!\1)", r"\1", written)


def _written(table: ReportTable) -> str:
    kind = "table*" if len(table.columns) >= WIDE else "table"
    names, columns = len(table.names), len(table.columns)
    body = [*_heads(table), r"\midrule", *_rows(table.methods)]
    if table.trivial:
        rule = [r"\midrule"] if table.methods else []
        body += [*rule, rf"\multicolumn{{{names + columns}}}{{l}}{{\emph{{trivial rows}}}} \\", *_rows(table.trivial)]
    return "\n".join(
        [
            rf"\begin{{{kind}}}",
            r"\centering",
            r"\setlength{\belowcaptionskip}{6pt}",
            rf"\caption{{{escaped(table.caption)}}}",
            rf"\label{{{table.label or 'tab:' + re.sub('[^a-z0-9]+', '-', table.key.lower())}}}",
            r"\small",
            rf"\begin{{tabular}}{{{'l' * names}{'r' * columns}}}",
            r"\toprule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            *_below(table),
            rf"\end{{{kind}}}",
            "",
        ]
    )


def _heads(table: ReportTable) -> list[str]:
    rows = []
    if table.groups:
        first, rules, labels = len(table.names) + 1, [], []
        for label, columns in table.groups:
            labels.append(rf"\multicolumn{{{columns}}}{{r}}{{{_broken(label)}}}")
            rules.append(rf"\cmidrule(lr){{{first}-{first + columns - 1}}}")
            first += columns
        rows = [f"{' & ' * len(table.names)}{' & '.join(labels)} \\\\".strip(), " ".join(rules)]
    return [*rows, _row([*map(_name, table.names), *map(_broken, table.columns)])]


def _broken(head: str) -> str:
    """A head in lines, each as short as its longest word allows."""
    lines = textwrap.wrap(line(head, LONGEST_NAME), WIDEST_HEAD, break_long_words=False, break_on_hyphens=True)
    if len(lines) < 2:
        return _name(head)
    stacked = r" \\ ".join(_no_option(escaped(one)) for one in lines)
    return rf"\begin{{tabular}}[b]{{@{{}}r@{{}}}}{stacked}\end{{tabular}}"


def _name(text: str) -> str:
    return escaped(text, LONGEST_NAME)


def _rows(lines: Iterable[TableLine]) -> list[str]:
    """Each row, and close beneath it a row of its intervals if it has any."""
    rows: list[str] = []
    for row in lines:
        if rows:
            rows.append(r"\addlinespace[3pt]")
        first, *others = map(_name, row.names)
        letters = rf"\textsuperscript{{{','.join(row.letters)}}}" if row.letters else ""
        rows.append(_row([first + letters, *others, *map(_value, row.cells)]))
        if any(cell.low for cell in row.cells):
            rows.append(_row([*[""] * len(row.names), *map(_interval, row.cells)]))
    return rows


def _value(cell: TableCell) -> str:
    marked = rf"\rlap{{\textsuperscript{{{escaped(cell.mark)}}}}}" if cell.mark else ""
    digits = rf"\textbf{{{_digits(cell.value)}}}" if cell.best else _digits(cell.value)
    return digits + marked if cell.value else "--"


def _interval(cell: TableCell) -> str:
    return rf"{{\scriptsize [{_digits(cell.low)}, {_digits(cell.high)}]}}" if cell.low else ""


def _digits(number: str) -> str:
    """A number with a minus and not a hyphen before it."""
    return f"$-${number[1:]}" if number.startswith("-") else number


def _below(table: ReportTable) -> list[str]:
    notes = [rf"\textsuperscript{{{letter}}} {escaped(text)}" for letter, text in table.footnotes]
    notes += [escaped(note) for note in table.notes]
    if not notes:
        return []
    paragraphs = [f"{note}\\par" for note in notes]
    return [
        r"\par\medskip",
        r"\begin{minipage}{\linewidth}",
        r"\footnotesize\raggedright",
        *paragraphs,
        r"\end{minipage}",
    ]


def _row(texts: Sequence[str]) -> str:
    return f"{_no_option(' & '.join(texts))} \\\\"


def _no_option(text: str) -> str:
    """A row's beginning, such that the end of the row before does not take it for its option."""
    return f"{{}}{text}" if text.startswith(("[", "*")) else text
