"""Charts of a trade-off's costs over the effect: all doses, the front, the unsteered model, and matched methods."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leaderboard.charts import Chart, ChartCell
from leaderboard.links import run_page
from leaderboard.responses import (
    CALIBRATION,
    NAME,
    TEST,
    by_method,
    datum,
    drawn,
    left_out,
    link_of,
    shown,
    title_of,
)
from leaderboard.text import cut, interval, number, value
from steerbench.contracts.roles import UNSTEERED
from steerbench.publishing.tradeoff_schema import PublishedTradeoff
from steerbench.records.results import MetricRecord
from steerbench.studies.tradeoff.result import TradeoffResult

COLUMNS = ["Method", "Strength", "Questions", "Effect", "95 % interval", "Loss", "95 % interval", "On the front"]
POINTER = {"type": "point", "cursor": "pointer"}
LINKED = {"tooltip": {"field": "told"}, "href": {"field": "href", "type": "nominal"}}

Data = Mapping[str, Any]


def front_chart(tradeoff: PublishedTradeoff, place: int, cost: str) -> Chart:
    found, names = tradeoff.found, drawn(tradeoff.found)
    x = {"field": "effect", "type": "quantitative", "title": "effect (points)"}
    y = {"field": "value", "type": "quantitative", "title": title_of(cost)}
    at, colour = {"x": x, "y": y}, by_method([*names.values()])
    doses, matched = _doses(tradeoff, names, cost), _matched(tradeoff, names, cost)
    path = {**at, "color": colour, "order": {"field": "order", "type": "quantitative"}}
    layers: list[Data] = [
        *_common(found),
        {"mark": FRONT, "data": {"values": _front(found, cost)}, "encoding": at},
        {"mark": {"type": "line", "strokeWidth": 1.5, "opacity": 0.7}, "data": {"values": doses}, "encoding": path},
        {
            "mark": POINTER,
            "data": {"values": [dose for dose in doses if "href" in dose]},
            "encoding": {**at, "color": colour, "shape": colour, **LINKED},
        },
        {"mark": CROSS, "data": {"values": [_unsteered(tradeoff, cost)]}, "encoding": {**at, **LINKED}},
        *(_rings(matched, x, y, colour) if matched else ()),
    ]
    words = (
        f"{title_of(cost)} over the effect at every dose, for {', '.join(names.values())}; the unsteered model "
        f"is at 0, 0. The wide grey line is the front: {_named(found, cost)}."
        + (" The dashed line is the common effect; rings are matched methods on test questions." if matched else "")
        + left_out(found)
    )
    return Chart(f"front-{place}", words, {"layer": layers}, COLUMNS, _rows(tradeoff, cost))


FRONT = {
    "type": "line",
    "style": "muted",
    "fill": None,
    "strokeWidth": 7,
    "opacity": 0.3,
    "interpolate": "step-before",
}
"""A step line from each point to the next more expensive one; points above it have at most its effect for more."""
CROSS = {**POINTER, "style": "reference", "shape": "cross", "size": 140}


def _doses(tradeoff: PublishedTradeoff, names: Mapping[str, str], cost: str) -> list[Data]:
    """Every dose; those of a method with a dial come after its start at 0."""
    found: list[Data] = []
    for method, curve in shown(tradeoff.found):
        if curve.dial:
            found.append({"method": names[method], "order": 0, "effect": 0.0, "value": 0.0})
        for order, point in enumerate(curve.points, 1):
            mark = datum(names[method], point, cost, bool(curve.dial), CALIBRATION)
            if mark and value(point.effect) is not None:
                found.append({**mark, "order": order, "effect": point.effect.value})
    return found


def _matched(tradeoff: PublishedTradeoff, names: Mapping[str, str], cost: str) -> list[Data]:
    """Matched methods on test questions, with both intervals."""
    found: list[Data] = []
    for method, curve in shown(tradeoff.found):
        mark = datum(names[method], curve.measured, cost, bool(curve.dial), TEST) if curve.matched else None
        if mark and value(curve.measured.effect) is not None:
            found.append({**mark, "effect": curve.measured.effect.value, **_sides(curve.measured.effect)})
    return found


def _sides(metric: MetricRecord) -> dict[str, float | None]:
    left, right = (metric.value if end is None else end for end in (metric.low, metric.high))
    return {"left": left, "right": right}


def _common(found: TradeoffResult) -> Iterator[Data]:
    """A line at the common effect, if there is one."""
    if found.wanted is not None:
        yield {
            "mark": {"type": "rule", "style": "reference", "strokeDash": [5, 4]},
            "data": {"values": [{"effect": found.wanted}]},
            "encoding": {"x": {"field": "effect", "type": "quantitative"}},
        }


def _rings(matched: Sequence[Data], x: Data, y: Data, colour: Data) -> Iterator[Data]:
    """Rings with horizontal and vertical whiskers."""
    data = {"values": matched}
    up = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour}
    across = {"x": {**x, "field": "left"}, "x2": {"field": "right"}, "y": y, "color": colour}
    for encoding in (up, across):
        yield {"mark": {"type": "rule", "opacity": 0.6}, "data": data, "encoding": encoding}
    ring = {**POINTER, "filled": False, "shape": "circle", "size": 260, "strokeWidth": 2.5}
    yield {"mark": ring, "data": data, "encoding": {"x": x, "y": y, "color": colour, **LINKED}}


def _unsteered(tradeoff: PublishedTradeoff, cost: str) -> dict[str, Any]:
    runs = tradeoff.found.unsteered
    run = runs.get(cost) or runs[CALIBRATION]
    return {"effect": 0.0, "value": 0.0, "told": "unsteered: nothing gained, nothing lost", "href": run_page(run)}


def _front(found: TradeoffResult, cost: str) -> list[dict[str, float | None]]:
    """The front's points by increasing effect, including the unsteered model."""
    at = {
        (method, point.strength): (point.effect.value, point.prices[cost].value)
        for method, curve in found.curves.items()
        for point in curve.points
    }
    points = [at.get((method, strength), (0.0, 0.0)) for method, strength in found.fronts[cost]]
    return [{"effect": effect, "value": price} for effect, price in points if effect is not None and price is not None]


def _named(found: TradeoffResult, cost: str) -> str:
    named = [
        cut(name, NAME) if name == UNSTEERED or not found.curves[name].dial else f"{cut(name, NAME)} {strength:g}"
        for name, strength in found.fronts[cost]
    ]
    return ", ".join(named) or "nothing"


def _rows(tradeoff: PublishedTradeoff, cost: str) -> list[list[ChartCell]]:
    found = tradeoff.found
    on = {(method, strength) for method, strength in found.fronts[cost]}
    beaten_by_none = "yes" if (UNSTEERED, 1.0) in on else "no"
    plain = _unsteered(tradeoff, cost)["href"]
    rows = [[*map(ChartCell, ("0", "", "0", "", "0", "", beaten_by_none))]]
    rows[0].insert(0, ChartCell(UNSTEERED, plain))
    for method, curve in found.curves.items():
        asked = [(point, CALIBRATION) for point in curve.points]
        for point, part in [*asked, *([(curve.measured, TEST)] if curve.matched else [])]:
            price = point.prices[cost]
            told = [
                number(point.strength, 2) if curve.dial else "no dial",
                part,
                number(point.effect.value, 2),
                interval(point.effect, 2),
                number(price.value, 3),
                interval(price, 3),
                ("yes" if (method, point.strength) in on else "no") if part == CALIBRATION else "matched",
            ]
            rows.append([ChartCell(method, link_of(point, cost, part)), *map(ChartCell, told)])
    return rows
