"""A report's table before it is written: unescaped texts, and numbers as the digits that will be shown."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from steerbench.records.results import MetricRecord, finite

LARGE = 1e7
"""From here on a number is shown by its exponent: nothing that is measured is as large."""


@dataclass(frozen=True)
class TableCell:
    """A number, its interval and the mark of significance; all "" where there is nothing. `best` is set in bold."""

    value: str = ""
    low: str = ""
    high: str = ""
    mark: str = ""
    best: bool = False


@dataclass(frozen=True)
class TableLine:
    """A row: what it is of (method, run), the letters of its footnotes, a cell per column."""

    names: tuple[str, ...]
    letters: tuple[str, ...]
    cells: tuple[TableCell, ...]


@dataclass(frozen=True)
class ReportTable:
    """`groups` are heads over columns of several runs side by side (label, number of columns); empty for one run.

    `label` is what other texts refer to it by; "" for the usual one, made of `key`.
    """

    key: str
    caption: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    groups: tuple[tuple[str, int], ...]
    methods: tuple[TableLine, ...]
    trivial: tuple[TableLine, ...]
    footnotes: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    label: str = ""


Escaped = Callable[[str], str]
"""Makes a text inert (nothing in it is markup) in the language that a table is written in."""


def heads(table: ReportTable, escaped: Escaped) -> list[str]:
    """The columns' names, each after its group's where there are groups."""
    own = list(map(escaped, table.columns))
    labels = [label for label, columns in table.groups for _ in range(columns)]
    return [f"{escaped(label)}: {head}" for label, head in zip(labels, own, strict=True)] if table.groups else own


def shown(cell: TableCell, escaped: Escaped, bold: tuple[str, str] = ("", "")) -> str:
    """A cell in one line: value, mark and interval; a dash for nothing. `bold` goes around the best value."""
    if not cell.value:
        return "-"
    before, after = bold if cell.best else ("", "")
    interval = f" [{cell.low}, {cell.high}]" if cell.low else ""
    return f"{before}{cell.value}{after}{escaped(cell.mark)}{interval}"


def cells(column: Iterable[MetricRecord | None], marks: Iterable[str]) -> Iterator[TableCell]:
    """A column's numbers with the same decimals each, so that their points stand one above the other."""
    metrics = list(column)
    decimals = _decimals(metric for metric in metrics if metric is not None)
    for metric, mark in zip(metrics, marks, strict=True):
        value = None if metric is None else finite(metric.value)
        if metric is None or value is None:
            yield TableCell()
            continue
        low, high = finite(metric.low), finite(metric.high)
        ends = ("", "") if low is None or high is None else (number(low, decimals), number(high, decimals))
        yield TableCell(number(value, decimals), *ends, mark)


def number(value: float, decimals: int) -> str:
    """Digits with no "-0.00"."""
    return f"{value:.2e}" if abs(value) >= LARGE else f"{value:z.{decimals}f}"


def _decimals(metrics: Iterable[MetricRecord]) -> int:
    """Three for shares and correlations, two for scores, one for counts."""
    ends = (finite(end) for metric in metrics for end in (metric.value, metric.low, metric.high))
    largest = max((abs(end) for end in ends if end is not None), default=0.0)
    return 3 if largest <= 1 else 2 if largest < 100 else 1
