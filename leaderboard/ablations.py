"""Ablations: rows of one board whose runs differ in one parameter of the method and nothing else."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leaderboard.boards import PublishedBoard
from leaderboard.charts import Chart, ChartCell
from leaderboard.known import PublishedMethod
from leaderboard.links import page_of
from leaderboard.row import LeaderboardRow
from leaderboard.text import NONE, cut, interval, number, value

MOST = 12
"""Maximum ablations on a page."""
MOST_VALUES = 60
STRENGTH = "strength"


@dataclass(frozen=True)
class Ablation:
    """Rows that differ in one parameter; `chart` is None unless its values are numbers."""

    board: PublishedBoard
    parameter: str
    rows: tuple[tuple[str, LeaderboardRow], ...]
    chart: Chart | None

    @property
    def model(self) -> str:
        return self.rows[0][1].run.model


def ablations(known: PublishedMethod) -> list[Ablation]:
    """A method's ablations, those with the most values first."""
    found = [
        _ablation(place, board, parameter, values) for place, (board, parameter, values) in enumerate(_varied(known))
    ]
    return sorted(found, key=lambda ablation: -len(ablation.rows))[:MOST]


def _varied(known: PublishedMethod) -> Iterator[tuple[PublishedBoard, str, list[tuple[Any, LeaderboardRow]]]]:
    """Each board and parameter, with the parameter's values and their rows."""
    alike: defaultdict[tuple[str, str], list[tuple[PublishedBoard, LeaderboardRow, dict[str, str]]]] = defaultdict(list)
    for board, row in known.rows:
        alike[board.path, _context(row)].append((board, row, _parameters(row)))
    for group in alike.values():
        if len(group) < 2:
            continue
        names = sorted({name for _, _, parameters in group for name in parameters})
        for name in names:
            by_rest: defaultdict[str, dict[str, tuple[Any, LeaderboardRow]]] = defaultdict(dict)
            for _, row, parameters in group:
                rest = json.dumps({n: v for n, v in parameters.items() if n != name})
                by_rest[rest].setdefault(parameters.get(name, "null"), (json.loads(parameters.get(name, "null")), row))
            yield from ((group[0][0], name, list(by.values())) for by in by_rest.values() if len(by) > 1)


def _context(row: LeaderboardRow) -> str:
    """Everything in a run's identity except its methods and a given strength."""
    identity = {name: told for name, told in row.run.identity.items() if name != "methods"}
    plan = identity.get("plan")
    if isinstance(plan, Mapping):
        identity["plan"] = {name: told for name, told in plan.items() if name != STRENGTH}
    return json.dumps([identity, row.run.model], sort_keys=True)


def _parameters(row: LeaderboardRow) -> dict[str, str]:
    """The row's parameters with defaults, as JSON. Those of a composed method have their part's name in front."""
    single = len(row.result.settings) == 1
    found = {
        name if single else f"{part}.{name}": json.dumps(told, sort_keys=True)
        for part, settings in row.result.settings.items()
        for name, told in settings.items()
    }
    if row.run.plan.strength is not None:
        found[STRENGTH] = json.dumps(row.run.plan.strength)
    return found


def _ablation(
    place: int, board: PublishedBoard, parameter: str, values: Sequence[tuple[Any, LeaderboardRow]]
) -> Ablation:
    told = [(v, row) for v, row in values][:MOST_VALUES]
    numeric = all(_is_number(v) for v, _ in told) and len(told) > 1
    told = sorted(told, key=(lambda one: one[0]) if numeric else (lambda one: str(one[0])))
    rows = tuple((NONE if v is None else cut(str(v), 40), row) for v, row in told)
    return Ablation(board, parameter, rows, _chart(place, board, parameter, told) if numeric else None)


def _is_number(found: Any) -> bool:
    return isinstance(found, (int, float)) and not isinstance(found, bool)


def _chart(
    place: int, board: PublishedBoard, parameter: str, values: Sequence[tuple[Any, LeaderboardRow]]
) -> Chart | None:
    data, table = [], []
    name = cut(board.columns[0], 60) if board.columns else "effect"
    digits = board.digits[board.columns[0]] if board.columns else 2
    for setting, row in values:
        metric = board.headline(row)
        if metric is None or (middle := value(metric)) is None:
            continue
        ends = {"low": metric.low, "high": metric.high} if metric.low is not None and metric.high is not None else {}
        said = f"{cut(parameter, 40)} {setting:g}: {number(middle, digits)} {interval(metric, digits)}"
        data.append({"setting": setting, "value": middle, "told": said, "href": page_of(row.run), **ends})
        table.append(
            [
                ChartCell(f"{setting:g}", page_of(row.run)),
                ChartCell(number(middle, digits)),
                ChartCell(interval(metric, digits)),
            ]
        )
    if len(data) < 2:
        return None
    settings = sorted({one["setting"] for one in data})
    x = {
        "field": "setting",
        "type": "quantitative",
        "title": cut(parameter, 40),
        "scale": {"zero": False, "padding": 16},
        "axis": {"grid": False, "labelOverlap": True, "labelFlush": False, **_ticks(settings)},
    }
    y = {"field": "value", "type": "quantitative", "title": name, "scale": {"zero": False}}
    spec = {
        "data": {"values": data},
        "encoding": {"x": x, "tooltip": {"field": "told"}},
        "layer": [
            {"mark": "rule", "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}}},
            {"mark": "line", "encoding": {"y": y}},
            {"mark": "point", "encoding": {"y": y, "href": {"field": "href"}}},
        ],
    }
    words = f"{name} on {cut(board.task, 60)} against {cut(parameter, 40)}, with intervals of 95 %."
    return Chart(f"ablation-{place}", words, spec, [cut(parameter, 40), name, "95 % interval"], table, "short")


def _ticks(settings: Sequence[float]) -> dict[str, Any]:
    """Ticks at the values themselves, if there are few."""
    return {"values": settings} if len(settings) <= 12 else {"tickCount": 8}
