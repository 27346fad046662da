"""A trade-off as a chart: effect and costs over the dose, and costs over the effect. Needs the extra `charts`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt

from steerbench.records.results import MetricRecord
from steerbench.studies.drawing import GREY, save, styled
from steerbench.studies.tradeoff.result import Curve, TradeoffPoint, TradeoffResult

WIDTH, HEIGHT, GAP = 330, 150, 34
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8a6d00", "#6b6b6b", "#000000")
"""Any two of these are distinguishable without seeing red or green (after Okabe and Ito)."""
DIALS, PROMPTS = "circle", "diamond"
EFFECT = "effect"


def write_charts(result: TradeoffResult, folder: Path) -> list[Path]:
    """Writes the chart as an offline page, as SVG and as PNG; returns the files."""
    return save(chart(result), folder, "tradeoff")


def chart(result: TradeoffResult) -> alt.HConcatChart:
    """Effect and costs over the dose on the left, costs over the effect on the right."""
    names = [EFFECT, *result.costs]
    left = [_against_dose(result, name, last=place == len(names) - 1) for place, name in enumerate(names)]
    height = (HEIGHT * len(names) + GAP * (len(names) - len(result.costs))) / max(len(result.costs), 1)
    right = [
        _against_effect(result, cost, height, last=place == len(result.costs) - 1)
        for place, cost in enumerate(result.costs)
    ]
    title = alt.TitleParams(
        f"What steering costs: {result.effect_task}, {', '.join(result.targets)}",
        subtitle="Beside the unsteered model, calibration questions, 95 % intervals; grey: what no other dose beats",
        anchor="start",
        offset=14,
    )
    columns = [alt.vconcat(*column, spacing=GAP) for column in (left, right) if column]
    return styled(alt.hconcat(*columns, spacing=40, title=title))


def _against_dose(result: TradeoffResult, name: str, last: bool) -> alt.LayerChart | alt.FacetChart:
    rows = [
        {"method": method, "dose": point.dose, **bounds}
        for method, curve in result.curves.items()
        for point in curve.points
        if (bounds := _bounds(_value(point, name)))
    ]
    # At strength 0 there is no steering, so effect and cost are 0.
    start = [
        {"method": method, "dose": 0.0, "value": 0.0, "low": 0.0, "high": 0.0}
        for method, curve in result.curves.items()
        if curve.dial
    ]
    axis = alt.Axis(tickCount=5, labels=last, ticks=last, format=".0%")
    x = alt.X("dose:Q", title="dose (share of the dial)" if last else None, axis=axis, scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("value:Q", title=_titled(result, name))
    base = alt.Chart(alt.InlineData(values=[*start, *rows])).encode(x=x, color=_colour(result))
    turned = _of(result, dialled=True)
    return alt.layer(
        base.mark_area(opacity=0.12)
        .encode(y=alt.Y("low:Q", title=_titled(result, name)), y2="high:Q")
        .transform_filter(turned),
        base.mark_line(strokeWidth=2).encode(y=y).transform_filter(turned),
        base.mark_point(filled=True, size=45, opacity=1).encode(y=y, shape=_shape(result), tooltip=_TOOLTIP),
        width=WIDTH,
        height=HEIGHT,
    )


def _against_effect(result: TradeoffResult, cost: str, height: float, last: bool) -> alt.LayerChart | alt.FacetChart:
    rows = [
        {"method": method, "order": number, "strength": point.strength, "effect": point.effect.value, **bounds}
        for method, curve in result.curves.items()
        for number, point in enumerate(curve.points, 1)
        if point.effect.value is not None and (bounds := _bounds(point.prices[cost]))
    ]
    start = [
        {"method": method, "order": 0, "strength": 0.0, "effect": 0.0, "value": 0.0}
        for method, curve in result.curves.items()
        if curve.dial
    ]
    x = alt.X("effect:Q", title="effect" if last else None, axis=alt.Axis(tickCount=5))
    y = alt.Y("value:Q", title=_titled(result, cost))
    base = alt.Chart(alt.InlineData(values=[*start, *rows])).encode(x=x, y=y)
    ours = base.encode(color=_colour(result))
    beaten_by_none = alt.Chart(alt.InlineData(values=_front(result, cost))).encode(x=x, y=y)
    layers: list[Any] = [
        beaten_by_none.mark_line(color=GREY, strokeWidth=7, opacity=0.25, interpolate="step-before"),
        ours.mark_line(strokeWidth=1.5, opacity=0.8)
        .encode(order="order:Q")
        .transform_filter(_of(result, dialled=True)),
        ours.mark_point(filled=True, size=45, opacity=1).encode(shape=_shape(result), tooltip=_TOOLTIP),
    ]
    if result.wanted is not None:
        at = alt.Chart(alt.InlineData(values=[{"effect": result.wanted}])).encode(x="effect:Q")
        layers.insert(0, at.mark_rule(color=GREY, strokeDash=[5, 4]))
    return alt.layer(*layers, width=WIDTH, height=height)


_TOOLTIP = ["method:N", "strength:Q", "effect:Q", "value:Q"]


def _value(point: TradeoffPoint, name: str) -> MetricRecord:
    return point.effect if name == EFFECT else point.prices[name]


def _bounds(metric: MetricRecord) -> dict[str, float] | None:
    """An estimate with its bounds; without an interval, the estimate is its own bounds."""
    if metric.value is None:
        return None
    low, high = (bound if bound is not None else metric.value for bound in (metric.low, metric.high))
    return {"value": metric.value, "low": low, "high": high}


def _front(result: TradeoffResult, cost: str) -> list[dict[str, float | None]]:
    """The front's points by increasing effect, starting at the unsteered model."""
    points = {
        (m, p.strength): (p.effect.value, p.prices[cost].value) for m, c in result.curves.items() for p in c.points
    }
    found = [points.get((method, strength), (0.0, 0.0)) for method, strength in result.fronts[cost]]
    return [{"effect": effect, "value": price} for effect, price in found]


def _titled(result: TradeoffResult, name: str) -> str:
    return "effect (points)" if name == EFFECT else f"{name} lost"


def _of(result: TradeoffResult, dialled: bool) -> alt.FieldOneOfPredicate:
    return alt.FieldOneOfPredicate(field="method", oneOf=_methods(result.curves, dialled))


def _methods(curves: "dict[str, Curve]", dialled: bool) -> list[str]:
    return [method for method, curve in curves.items() if (curve.dial is not None) == dialled]


def _colour(result: TradeoffResult) -> alt.Color:
    methods = list(result.curves)
    colours: Sequence[str] = [COLOURS[place % len(COLOURS)] for place in range(len(methods))]
    return alt.Color("method:N", scale=alt.Scale(domain=methods, range=colours), sort=methods)


def _shape(result: TradeoffResult) -> alt.Shape:
    methods = list(result.curves)
    shapes = [DIALS if curve.dial else PROMPTS for curve in result.curves.values()]
    return alt.Shape("method:N", scale=alt.Scale(domain=methods, range=shapes), sort=methods)
