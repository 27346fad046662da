"""Charts of a trade-off over the dose (the effect and each cost), and the parts that all its charts share."""

from collections.abc import Sequence
from typing import Any

from leaderboard.charts import Chart, ChartCell
from leaderboard.links import run_page
from leaderboard.text import cut, interval, number, value
from steerbench.publishing.tradeoff_schema import PublishedTradeoff
from steerbench.studies.tradeoff.result import Curve, TradeoffPoint, TradeoffResult

DRAWN = 8
"""Maximum methods in a drawing, one per colour; its table has all."""
NAME = 30
LEGEND = 50
"""Characters in a line of a legend on a phone."""
CALIBRATION, TEST = "calibration", "test"


def dose_chart(tradeoff: PublishedTradeoff, place: int, cost: str | None) -> Chart:
    """The effect, or a cost, over the dose: bands for methods with a dial, whiskers for those without."""
    found, names = tradeoff.found, drawn(tradeoff.found)
    turned, fixed = [], []
    for method, curve in shown(found):
        start = {"method": names[method], "dose": 0.0, "value": 0.0, "low": 0.0, "high": 0.0, "told": "not steered"}
        points = [datum(names[method], point, cost, bool(curve.dial), CALIBRATION) for point in curve.points]
        if curve.dial:
            turned += [start, *filter(None, points)]
        fixed += [point for point in points if point and not curve.dial]
    title = title_of(cost)
    shared = {
        "x": {
            "field": "dose",
            "type": "quantitative",
            "title": "dose (share of the dial)",
            "scale": {"domain": [0, 1.03], "nice": False},
            "axis": {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]},
        },
        "color": by_method([*names.values()]),
        "tooltip": {"field": "told"},
    }
    y = {"field": "value", "type": "quantitative", "title": title}
    ends = {"y": {**y, "field": "low"}, "y2": {"field": "high"}}
    points_too = {"y": y, "shape": by_method([*names.values()]), "href": {"field": "href", "type": "nominal"}}
    layers = [
        {"mark": {"type": "rule", "style": "muted", "strokeDash": [2, 3]}, "data": {"values": [{}]}, "encoding": _ZERO},
        {"mark": {"type": "area", "opacity": 0.1}, "data": {"values": turned}, "encoding": {**shared, **ends}},
        {"mark": {"type": "rule", "strokeWidth": 2}, "data": {"values": fixed}, "encoding": {**shared, **ends}},
        {"mark": "line", "data": {"values": turned}, "encoding": {**shared, "y": y}},
        {
            "mark": {"type": "point", "cursor": "pointer"},
            "data": {"values": [*(point for point in turned if "href" in point), *fixed]},
            "encoding": {**shared, **points_too},
        },
    ]
    words = f"{title} over the dose, for {', '.join(names.values())}, with 95 % intervals.{left_out(found)}"
    return Chart(f"dose-{place}", words, {"layer": layers}, DOSES, _dose_rows(tradeoff, cost))


DOSES = ["Method", "Strength", "Dose", "Value", "95 % interval", "n", "Flags"]
_ZERO = {"y": {"datum": 0}}


def link_of(point: TradeoffPoint, cost: str | None, part: str = CALIBRATION) -> str:
    """The page of the run behind a point. A cost without its own run was measured on the effect's questions."""
    run = point.runs.get(cost or part) or point.runs.get(part)
    return run_page(run) if run else ""


def drawn(found: TradeoffResult) -> dict[str, str]:
    """The drawn methods with their names in the drawing; names that are equal after shortening get a number."""
    names: dict[str, str] = {}
    for method, _ in shown(found):
        short = cut(method, NAME)
        names[method] = short if short not in names.values() else f"{short} {len(names) + 1}"
    return names


def shown(found: TradeoffResult) -> list[tuple[str, Curve]]:
    return list(found.curves.items())[:DRAWN]


def datum(name: str, point: TradeoffPoint, cost: str | None, dial: bool, part: str) -> dict[str, Any] | None:
    """A mark; None if there is no value. `part` names the questions on which it was measured."""
    metric = point.effect if cost is None else point.prices[cost]
    if value(metric) is None:
        return None
    low, high = (metric.value if end is None else end for end in (metric.low, metric.high))
    what = "effect" if cost is None else title_of(cost)
    at = f" at strength {number(point.strength, 2)}" if dial else ""
    asked = f"effect {number(point.effect.value, 2)}, " if cost is not None else ""
    return {
        "method": name,
        "dose": point.dose,
        "value": metric.value,
        "low": low,
        "high": high,
        "told": f"{name}{at}: {asked}{what} {number(metric.value, 3)} {interval(metric, 3)}, {part} questions",
        "href": link_of(point, cost, part),
    }


def title_of(cost: str | None) -> str:
    return "effect (points)" if cost is None else f"{cut(cost, NAME)} lost"


def by_method(names: Sequence[str]) -> dict[str, Any]:
    told = [*names]
    legend = {"columns": _columns(told), "title": None}
    return {"field": "method", "type": "nominal", "sort": told, "scale": {"domain": told}, "legend": legend}


def _columns(names: Sequence[str]) -> int:
    """The number of legend columns that fit on a phone; each is as wide as its longest name and a symbol."""
    for count in range(len(names), 1, -1):
        if sum(max(map(len, names[place::count])) + 5 for place in range(count)) <= LEGEND:
            return count
    return 1


def left_out(found: TradeoffResult) -> str:
    left = len(found.curves) - DRAWN
    return f" {left} more methods are in the table alone." if left > 0 else ""


def _dose_rows(tradeoff: PublishedTradeoff, cost: str | None) -> list[list[ChartCell]]:
    rows = []
    for method, curve in tradeoff.found.curves.items():
        for point in curve.points:
            metric = point.effect if cost is None else point.prices[cost]
            rows.append(
                [
                    ChartCell(method, link_of(point, cost)),
                    ChartCell(number(point.strength, 2) if curve.dial else "no dial"),
                    ChartCell(f"{100 * point.dose:.0f} %"),
                    ChartCell(number(metric.value, 3)),
                    ChartCell(interval(metric, 3)),
                    ChartCell(str(metric.n)),
                    ChartCell("; ".join(point.warnings if cost is None else point.warnings_about(cost, CALIBRATION))),
                ]
            )
    return rows
