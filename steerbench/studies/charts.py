"""A sweep as a chart: the effect over the parameter's values, and below it the side effect. Needs the extra
`charts`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt

from steerbench.errors import counted
from steerbench.records.results import MetricRecord
from steerbench.studies.drawing import BLUE, GREY, ORANGE, save, styled
from steerbench.studies.sweep import REFERENCE, SweepPoint, SweepResult

LAYERS = ("layer", "layers")
WIDTH, HEIGHT, TICKS = 560, 210, 7


def write_charts(sweep: SweepResult, folder: Path) -> list[Path]:
    """Writes the chart as an offline page, as SVG and as PNG; returns the files."""
    return save(chart(sweep), folder, "sweep")


def chart(sweep: SweepResult) -> alt.VConcatChart:
    """The headline with its interval and, below it on the same axis, fluency or otherwise the second metric."""
    shown = panels(sweep)
    drawn = [
        _panel(sweep, name, colour, last=place == len(shown) - 1)
        for place, (name, colour) in enumerate(zip(shown, (BLUE, ORANGE), strict=False))
    ]
    title = alt.TitleParams(
        f"{sweep.method} on {sweep.task}",
        subtitle=f"{counted(sweep.targets, 'targets')}, 95 % intervals",
        anchor="start",
        offset=14,
    )
    together: alt.VConcatChart = alt.vconcat(*drawn, spacing=18, title=title).resolve_scale(x="shared")
    return styled(together)


def panels(sweep: SweepResult) -> list[str]:
    """The names of the metrics that are drawn."""
    names = list(sweep.points[0].metrics)
    below = "fluency" if "fluency" in names else next(iter(names[1:]), None)
    return list(dict.fromkeys(name for name in (sweep.headline, below) if name))


def is_numeric(sweep: SweepResult) -> bool:
    """Whether the parameter is a quantity: its values are numbers, and not numbers of layers."""
    values = [point.value for point in sweep.points]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return numbers and sweep.parameter not in LAYERS


def _panel(sweep: SweepResult, name: str, colour: str, last: bool) -> alt.LayerChart | alt.FacetChart:
    numeric = is_numeric(sweep)
    rows = [row for point in sweep.points if (row := _row(point, name, numeric))]
    # Few ticks: labels such as 0.085 would touch each other.
    axis = alt.Axis(labelOverlap=True, labelAngle=0, labelSeparation=8, tickCount=TICKS, labels=last, ticks=last)
    called = sweep.symbol if sweep.symbol == sweep.parameter else f"{sweep.symbol} ({sweep.parameter})"
    title = called if last else None
    x: Any = (
        alt.X("parameter:Q", title=title, axis=axis, scale=alt.Scale(zero=False, nice=False, padding=12))
        if numeric
        else alt.X("parameter:O", title=title, axis=axis, sort=None)
    )
    better = "higher" if sweep.higher_is_better else "lower"
    y_title = f"{name} ({better} is better)" if name == sweep.headline else name
    scale = alt.Scale(zero=False, padding=8)
    y = alt.Y("value:Q", title=y_title, scale=scale)
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x)
    bounds = {"y": alt.Y("low:Q", title=y_title, scale=scale), "y2": alt.Y2("high:Q")}
    tooltip = ["parameter:N", "value:Q", "low:Q", "high:Q"]
    banded = numeric and len(rows) > 1
    interval = (
        base.mark_area(color=colour, opacity=0.2)
        if banded
        else base.mark_rule(color=colour, opacity=0.5, strokeWidth=2)
    )
    layers: list[Any] = [
        interval.encode(**bounds),
        # A line between categories would suggest values between them.
        *([base.mark_line(color=colour, strokeWidth=2).encode(y=y)] if numeric or sweep.parameter in LAYERS else []),
        base.mark_circle(color=colour, size=60, opacity=1).encode(y=y, tooltip=tooltip),
        *_reference(sweep.reference.metrics.get(name)),
    ]
    return alt.layer(*layers, width=WIDTH, height=HEIGHT)


def _row(point: SweepPoint, name: str, numeric: bool) -> dict[str, Any] | None:
    """A point's estimate; without an interval, the estimate is its own bounds."""
    metric = point.metrics.get(name)
    if metric is None or metric.value is None:
        return None
    low, high = (bound if bound is not None else metric.value for bound in (metric.low, metric.high))
    return {
        "parameter": point.value if numeric else str(point.value),
        "value": metric.value,
        "low": low,
        "high": high,
    }


def _reference(metric: MetricRecord | None) -> Sequence[alt.Chart]:
    """A dashed line at the unsteered model's value, with its name to the right of the panel."""
    if metric is None or metric.value is None:
        return ()
    base = alt.Chart(alt.InlineData(values=[{"value": metric.value}])).encode(y="value:Q")
    name = base.mark_text(align="left", baseline="middle", dx=6, color=GREY, fontSize=12, text=REFERENCE)
    return base.mark_rule(color=GREY, strokeDash=[5, 4], strokeWidth=1.5), name.encode(x=alt.value("width"))
