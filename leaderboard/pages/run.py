"""Run pages: what was run, its results, and how reliable they are."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leaderboard.bands import ceiling, dashed, of_role, to_clear
from leaderboard.boards import PublishedBoard
from leaderboard.citation import of_run
from leaderboard.doses import COLUMNS, calibration_chart, calibration_table
from leaderboard.drawing import WIDTH, PlotAxis, axis_over
from leaderboard.frame import File, Page
from leaderboard.links import data_of, method_page, page_of, parquet_of, samples_of, tradeoff_page
from leaderboard.phrases import said_once
from leaderboard.row import LeaderboardRow, dataset_of, engine_of, rows_of
from leaderboard.site import Site
from leaderboard.text import NONE, cut, decimals, value
from leaderboard.tradeoffs import doses_of
from steerbench.contracts.roles import CONSTANT, UNSTEERED
from steerbench.publishing.known_weights import mark
from steerbench.publishing.schema import Published
from steerbench.records.results import ComparisonRecord, MetricRecord, without_break_downs

MOST = 400
"""Maximum lines of a table; the JSON has all."""
MOST_COMPARED = 40
DEEPEST = 6


def files(site: Site) -> Iterator[File]:
    boards = {run.id: board for board in site.boards for run in board.runs}
    doses = doses_of(site.tradeoffs)
    for run in site.runs:
        title = f"{cut(run.plan.task)} on {cut(run.model) or 'no model'}"
        dose_of = tradeoff_page(doses[run.id].name) if run.id in doses else ""
        yield Page(page_of(run), "run.html", title, _values(boards.get(run.id), run) | {"dose_of": dose_of}).file()


def _values(board: PublishedBoard | None, run: Published) -> dict[str, Any]:
    """The template's values; `board` is None for a run that is on no board."""
    rows = sorted(rows_of(run), key=lambda row: _place(row, run.higher_is_better))
    names = list(dict.fromkeys(name for row in rows for name in row.result.metrics))[:MOST]
    shown = without_break_downs(names)
    axis = axis_over(row.headline for row in rows)
    return {
        "run": run,
        "board": board,
        "data": data_of(run),
        "parquet": parquet_of(run),
        "bibtex": of_run(run),
        "dataset": dataset_of(run),
        "engine": engine_of(run),
        "weights": mark(run.identity),
        "rows": [(row, axis.mark(row.headline)) for row in rows],
        "said_once": said_once([row.result for row in rows]),
        "reference": _on(axis, to_clear(rows)),
        "ceiling": _on(axis, ceiling(rows)),
        "dashed": dashed(rows),
        "beside": next(iter(of_role(rows, UNSTEERED) or of_role(rows, CONSTANT)), None),
        "width": WIDTH,
        "method_page": method_page,
        "calibration": (calibration_chart(rows), COLUMNS, calibration_table(rows)),
        "digits": _digits(rows, names),
        "headline": shown[0] if shown else "",
        "metrics": [(name, [row.result.metrics.get(name) for row in rows]) for name in shown],
        "break_downs": _break_downs(rows, names, shown),
        "against": _against(rows),
        "targets": list(dict.fromkeys(t for row in rows for t in row.result.strengths))[:MOST],
        "steered": [row for row in rows if any(strength != 1 for strength in row.result.strengths.values())],
        "identity": list(itertools.islice(flat(run.identity), MOST)),
        "plan": list(itertools.islice(flat(run.plan.model_dump(mode="json", exclude_defaults=True)), MOST)),
        "longest": max((row.seconds for row in rows), default=0.0),
        "samples": samples_of(run),
        "shown_first": _shown_first(rows),
        "most": MOST,
    }


def _on(axis: PlotAxis, row: LeaderboardRow | None) -> float | None:
    """The position of a row's headline on the axis."""
    found = value(row.headline) if row is not None else None
    return None if found is None else axis.place(found)


def flat(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """The leaves of nested mappings with dotted names, down to a maximum depth."""
    if isinstance(value, Mapping) and value and depth < DEEPEST:
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key), depth + 1)
    elif isinstance(value, (Mapping, list)) and depth >= DEEPEST:
        yield cut(name), "…"
    else:
        yield cut(name), cut(_leaf(value), 400)


def _leaf(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join("…" if isinstance(v, (Mapping, list)) else str(v) for v in value[:50])
    return NONE if value is None or value == {} else str(value)


def _against(
    rows: Sequence[LeaderboardRow],
) -> tuple[dict[str, str], list[tuple[LeaderboardRow, list[ComparisonRecord | None]]]]:
    """The rows that others were compared with, with labels, and each compared row's comparisons."""
    names = list(dict.fromkeys(c.against for row in rows for c in row.result.comparisons))[:MOST_COMPARED]
    by_row = [(row, {c.against: c for c in row.result.comparisons}) for row in rows if row.result.comparisons]
    labels = {row.name: row.label for row in rows}
    told = [(row, [found.get(name) for name in names]) for row, found in by_row[:MOST]]
    return {name: labels.get(name, "") for name in names}, told


def _digits(rows: Sequence[LeaderboardRow], names: Sequence[str]) -> dict[str, int]:
    return {name: decimals(value(row.result.metrics.get(name)) for row in rows) for name in names}


def _break_downs(
    rows: Sequence[LeaderboardRow], names: Sequence[str], shown: Sequence[str]
) -> list[tuple[str, list[tuple[str, list[MetricRecord | None]]]]]:
    """By metric, its break-downs with their value in every row."""
    found = []
    for metric in shown:
        parts = [name for name in names if name.startswith(f"{metric} ")]
        if parts:
            found.append((metric, [(name, [row.result.metrics.get(name) for row in rows]) for name in parts]))
    return found


def _shown_first(rows: Sequence[LeaderboardRow]) -> tuple[int, int | None]:
    """Positions of the rows whose samples are shown first: the best method, and `unsteered` or another reference."""
    first = next((row for row in rows if not row.result.trivial), rows[0])
    others = [row for row in rows if row is not first]
    beside = sorted(others, key=lambda row: (row.name != UNSTEERED, not row.result.trivial))
    return first.place, beside[0].place if beside else None


def _place(row: LeaderboardRow, higher_is_better: bool) -> float:
    found = value(row.headline)
    return float("inf") if found is None else -found if higher_is_better else found
