"""The calibration of a run on its page: loss over strength with the chosen strengths, as a chart and a table."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from leaderboard.charts import Chart, ChartCell
from leaderboard.known import legend
from leaderboard.row import LeaderboardRow
from leaderboard.text import cut, interval, number, value
from steerbench.publishing.schema import CalibrationPoint

MOST_METHODS = 6
"""Maximum curves in a drawing; the table has the others."""
MOST_POINTS, MOST_CHOSEN, MOST_ROWS = 60, 200, 400


def calibration_chart(rows: Sequence[LeaderboardRow]) -> Chart | None:
    """The chart for methods with a range of strengths, best headline first; None if no row has a curve."""
    curves = [(row, points) for row in rows if len(points := _with_loss(row)) > 1 and _has_dial(points)]
    shown = curves[:MOST_METHODS]
    if not shown:
        return None
    several = len(shown) > 1
    named = [cut(row.name, 40) for row, _ in shown]
    data = [_datum(name, point) for name, (_, of) in zip(named, shown, strict=True) for point in of[:MOST_POINTS]]
    colour = {
        "field": "method",
        "type": "nominal",
        "title": None,
        "scale": {"domain": named},
        "legend": legend(named) if several else None,
    }
    x = {"field": "strength", "type": "quantitative", "title": "strength", "axis": AXIS}
    # The bottom of the drawing is for the rug.
    room = {"zero": False, "range": [{"expr": f"height - {10 * len(shown) + 6}"}, 0]}
    y = {"field": "loss", "type": "quantitative", "title": "mean loss", "scale": room}
    with_ends = [point for point in data if "low" in point]
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "area", "opacity": 0.16},
            "data": {"values": with_ends},
            "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {"mark": "line", "encoding": {"y": y}},
        {"mark": "point", "encoding": {"y": y, **({"shape": {**colour}} if several else {})}},
        *(_rug(place, name, row) for place, (name, (row, _)) in enumerate(zip(named, shown, strict=True))),
    ]
    left_out = f" {len(curves) - len(shown)} more are in the table alone." if len(curves) > len(shown) else ""
    words = (
        f"Mean loss on the calibration items against strength, of {', '.join(named)}, with intervals of 95 %; "
        f"the ticks at the foot are the strengths chosen.{left_out}"
    )
    spec = {
        "data": {"values": data},
        "encoding": {"x": x, "color": colour, "tooltip": {"field": "told"}},
        "layer": layers,
    }
    return Chart("calibration", words, spec, COLUMNS, calibration_table(rows))


AXIS = {"tickCount": 6, "grid": False, "labelOverlap": True, "labelFlush": False}
COLUMNS = ["Method", "Strength", "Wording", "Loss", "95 % interval", "Side cost", "Targets"]


def calibration_table(rows: Sequence[LeaderboardRow]) -> list[list[ChartCell]]:
    """Every point of every method, including methods that choose among wordings."""
    return [
        [
            ChartCell(cut(row.name, 40)),
            ChartCell(number(point.strength, 2)),
            ChartCell(str(point.wording) if point.wording else "first"),
            ChartCell(number(value(point.loss), 3)),
            ChartCell(interval(point.loss, 3)),
            ChartCell(number(value(point.cost), 3)),
            ChartCell(str(point.loss.n)),
        ]
        for row in rows
        for point in row.run.calibration.get(row.name, [])
    ][:MOST_ROWS]


def _with_loss(row: LeaderboardRow) -> list[CalibrationPoint]:
    points = row.run.calibration.get(row.name, [])
    return sorted((p for p in points if value(p.loss) is not None), key=lambda point: point.strength)


def _has_dial(points: Sequence[CalibrationPoint]) -> bool:
    return len({point.strength for point in points}) > 1 and all(not point.wording for point in points)


def _datum(name: str, point: CalibrationPoint) -> dict[str, Any]:
    loss = point.loss
    told = (
        f"{name}, strength {number(point.strength, 2)}: {number(loss.value, 3)} {interval(loss, 3)}, {loss.n} targets"
    )
    found = {"method": name, "strength": round(point.strength, 4), "loss": loss.value, "told": told}
    return found if loss.low is None or loss.high is None else found | {"low": loss.low, "high": loss.high}


def _rug(place: int, name: str, row: LeaderboardRow) -> dict[str, Any]:
    """A tick for each chosen strength, in the method's own line at the bottom of the drawing."""
    counted = sorted(Counter(round(strength, 2) for strength in row.result.strengths.values()).items())
    of = len(row.result.strengths)
    values = [
        {"method": name, "strength": strength, "told": f"{name}: {strength:g} chosen for {count} of {of}"}
        for strength, count in counted[:MOST_CHOSEN]
    ]
    return {
        "mark": {"type": "tick", "thickness": 2, "size": 8, "orient": "vertical", "opacity": 0.9},
        "data": {"values": values},
        "encoding": {"y": {"value": {"expr": f"height - {6 + 10 * place}"}}},
    }
