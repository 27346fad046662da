"""Runs as tables: one for each task, the runs of a task together."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace

from steerbench.errors import UserError, unknown
from steerbench.records.results import MethodResult, without_break_downs
from steerbench.reports.captions import caption, deviations, traces
from steerbench.reports.chosen import EVERYTHING, Choice, chosen
from steerbench.reports.footnotes import Footnotes
from steerbench.reports.groups import ReportRow, RunGroup, grouped
from steerbench.reports.marks import legend, mark
from steerbench.reports.source import ReportSource, refuse_repeated
from steerbench.reports.table import ReportTable, TableCell, TableLine, cells

STRENGTH, STEERED = "median strength", "steered"
MOST = 5
"""Metrics of a table, from the first on, unless others are asked for: with their intervals a page holds no more."""


def tables(
    sources: Sequence[ReportSource], metrics: Sequence[str] = (), per_trait: bool = False, choice: Choice = EVERYTHING
) -> list[ReportTable]:
    """A table for each task, protocol and dataset, and after it, if asked for, its headline trait by trait.

    Raises:
        UserError: a run comes twice, or no run has a metric that was asked for, or traits; as `chosen`; or a caption,
            a label or bold numbers are asked for where they have no place.
    """
    refuse_repeated(sources)
    groups = grouped(chosen(sources, choice), in_order=bool(choice.rows))
    for group in groups:
        if not group.metrics:
            raise UserError(f"The run in {group.sources[0].folder} has no metrics: there is nothing to report.")
    known = {name for group in groups for name in group.metrics}
    for name in metrics:
        if name not in known:
            raise UserError(unknown("metric in these runs called", name, known))
    if per_trait and not any(group.by_trait for group in groups):
        raise UserError("These runs have no numbers by trait: leave --per-trait out.")
    made = []
    for group in groups:
        made.append(_board(group, metrics, choice.bold))
        if per_trait and group.by_trait:
            made.append(_by_trait(group, choice.bold))
    return _captioned(made, choice)


def _captioned(made: list[ReportTable], choice: Choice) -> list[ReportTable]:
    """The tables, the only one with the caption and the label that were asked for."""
    if choice.bold and not any(cell.best for table in made for line in table.methods for cell in line.cells):
        raise UserError("--bold marks the best method by the headline, and no column has it; add it to --metrics.")
    if not (choice.caption or choice.label):
        return made
    if len(made) > 1:
        option = "--caption" if choice.caption else "--label"
        raise UserError(
            f"{option} is for one table, and these are {len(made)}; name runs of one task without --per-trait."
        )
    table = replace(made[0], label=choice.label)
    if choice.caption:
        table = replace(table, caption=choice.caption, notes=(table.caption, *table.notes))
    return [table]


def _board(group: RunGroup, asked: Sequence[str], bold: bool) -> ReportTable:
    own = [name for name in asked if name in group.metrics]
    if group.same_methods:
        return _side_by_side(group, own or [group.headline], bold)
    return _beneath(group, own or without_break_downs(group.metrics)[:MOST], bold, strengths=not own)


def _beneath(group: RunGroup, columns: Sequence[str], bold: bool, strengths: bool) -> ReportTable:
    """The rows of all runs below each other; the run's label is a column of its own."""
    rows, notes = group.rows(), Footnotes()
    shown = [_column(rows, name, group, bold, marked=name == group.headline) for name in columns]
    chosen = [_strength(row.method) for row in rows]
    if strengths and any(cell.value for cell in chosen):
        columns, shown = (
            [*columns, STRENGTH, STEERED],
            [*shown, chosen, [TableCell(row.method.steered) for row in rows]],
        )
    several = len(group.sources) > 1
    lines = [
        TableLine((row.name, row.run) if several else (row.name,), notes.letters(_flags(row, rows)), tuple(of_row))
        for row, *of_row in zip(rows, *shown, strict=True)
    ]
    names = ("method", "run") if several else ("method",)
    return _table(group, names, columns, (), _apart(lines, rows, group), notes, with_marks=group.headline in columns)


def _side_by_side(group: RunGroup, columns: Sequence[str], bold: bool) -> ReportTable:
    """A row for each method, in the order of the first run, and for each run the same columns."""
    by_run = {label: {row.name: row for row in group.rows() if row.run == label} for label in group.labels}
    order = list(next(iter(by_run.values())))
    notes = Footnotes()
    shown = [
        _column([rows[name] for name in order], metric, group, bold, marked=metric == group.headline)
        for rows in by_run.values()
        for metric in columns
    ]
    lines = []
    for name, *of_row in zip(order, *shown, strict=True):
        found: dict[str, list[str]] = {}
        for label, rows in by_run.items():
            for flag in _flags(rows[name], list(rows.values())):
                found.setdefault(flag, []).append(label)
        everywhere = len(by_run)
        flags = [flag if len(where) == everywhere else f"{', '.join(where)}: {flag}" for flag, where in found.items()]
        lines.append(TableLine((name,), notes.letters(flags), tuple(of_row)))
    first = next(iter(by_run.values()))
    heads = tuple((label, len(columns)) for label in by_run)
    names, columns = ("method",), list(columns) * len(by_run)
    apart = _apart(lines, [first[name] for name in order], group)
    return _table(group, names, columns, heads, apart, notes, with_marks=group.headline in columns)


def _by_trait(group: RunGroup, bold: bool) -> ReportTable:
    """The headline trait by trait. There are no tests by trait, so it has no marks; flags stand at the board."""
    rows, traits, several = group.rows(), group.by_trait, len(group.sources) > 1
    shown = [_column(rows, metric, group, bold, marked=False) for metric in traits.values()]
    lines = [
        TableLine((row.name, row.run) if several else (row.name,), (), tuple(of_row))
        for row, *of_row in zip(rows, *shown, strict=True)
    ]
    names = ("method", "run") if several else ("method",)
    of = f"{group.headline} by trait"
    return _table(group, names, list(traits), (), _apart(lines, rows, group), Footnotes(), with_marks=False, of=of)


def _table(
    group: RunGroup,
    names: tuple[str, ...],
    columns: Sequence[str],
    heads: tuple[tuple[str, int], ...],
    apart: tuple[tuple[TableLine, ...], tuple[TableLine, ...]],
    notes: Footnotes,
    with_marks: bool,
    of: str = "",
) -> ReportTable:
    told = [legend(row.method for row in group.rows())] if with_marks else []
    told += [*traces(group), *deviations(group)]
    plan = group.sources[0].result.plan
    return ReportTable(
        key=f"{plan.task}-{group.sources[0].result.digest[:8]}{'-by-trait' if of else ''}",
        caption=caption(group, of),
        names=names,
        columns=tuple(columns),
        groups=heads,
        methods=apart[0],
        trivial=apart[1],
        footnotes=notes.all(),
        notes=tuple(note for note in told if note),
    )


def _column(rows: Sequence[ReportRow], metric: str, group: RunGroup, bold: bool, marked: bool) -> list[TableCell]:
    marks = [mark(row.method) if marked else "" for row in rows]
    made = list(cells([row.method.metrics.get(metric) for row in rows], marks))
    # Of other metrics a result does not say which end is better.
    judged = metric == group.headline or metric.startswith(f"{group.headline} ")
    return _best_marked(rows, made, group.sources[0].result.higher_is_better) if bold and judged else made


def _best_marked(rows: Sequence[ReportRow], column: list[TableCell], higher: bool) -> list[TableCell]:
    """The best method, and those that are the same at the digits shown; trivial rows do not compete."""
    values = [float(one.value) for row, one in zip(rows, column, strict=True) if one.value and not row.method.trivial]
    best = (max if higher else min)(values, default=None)
    return [
        replace(one, best=bool(one.value) and not row.method.trivial and float(one.value) == best)
        for row, one in zip(rows, column, strict=True)
    ]


def _flags(row: ReportRow, rows: Sequence[ReportRow]) -> list[str]:
    """A row's standing and its flags; without the standing where no row of the table was tested."""
    tested = any(other.method.comparisons for other in rows)
    standing = row.method.standing
    return [*([standing.words] if tested and standing else []), *row.method.warnings]


def _strength(method: MethodResult) -> TableCell:
    """Nothing where there was nothing to choose."""
    strengths = list(method.strengths.values())
    return TableCell(f"{statistics.median(strengths):.2g}") if any(one != 1 for one in strengths) else TableCell()


def _apart(
    lines: Iterable[TableLine], rows: Iterable[ReportRow], group: RunGroup
) -> tuple[tuple[TableLine, ...], tuple[TableLine, ...]]:
    """Methods, and trivial rows; all together where their order is given."""
    placed = list(zip(lines, rows, strict=True))
    if group.in_order:
        return tuple(line for line, _ in placed), ()
    return tuple(line for line, row in placed if not row.method.trivial), tuple(
        line for line, row in placed if row.method.trivial
    )
