"""The chart of a method page that shows how much of each layer the method edits."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from leaderboard.charts import Chart, ChartCell
from leaderboard.known import PublishedMethod, legend, series_of
from leaderboard.links import page_of
from leaderboard.row import LeaderboardRow, dataset_of
from leaderboard.text import cut, number
from steerbench.publishing.schema import Portrait

MOST_SERIES = 5
"""Maximum portraits in a chart; the number of others is given in its description."""
MOST_LAYERS = 300
MOST_ROWS = 400


def across_layers(known: PublishedMethod) -> Chart | None:
    """The chart; None if no run of the method edits a layer."""
    differing = _differing(known)
    if not differing:
        return None
    shown = differing[:MOST_SERIES]
    named = _named([rows for rows, _ in shown])
    places = list(dict.fromkeys(series_of(edit) for _, portrait in shown for edit in portrait.edits))
    depth = min(max(portrait.layers or 1 for _, portrait in shown), MOST_LAYERS)
    data, table = [], []
    for name, (rows, portrait) in zip(named, shown, strict=True):
        for edit in sorted(portrait.edits, key=lambda edit: (edit.layer, edit.site, edit.kind))[:MOST_ROWS]:
            percent = 100 * edit.share
            if edit.layer < depth:
                told = {"layer": edit.layer, "share": round(percent, 4), "place": series_of(edit), "run": name}
                told["of"] = portrait.layers or depth
                data.append(told | {"told": f"layer {edit.layer}, {series_of(edit)}: {_percent(percent)}"})
            table.append(
                [
                    ChartCell(name, page_of(rows[0].run)),
                    ChartCell(str(edit.layer)),
                    ChartCell(series_of(edit)),
                    ChartCell(cut(edit.positions)),
                    ChartCell(_percent(percent)),
                ]
            )
    several = len(shown) > 1
    more = f" {len(differing) - len(shown)} more are not drawn." if len(differing) > len(shown) else ""
    words = (
        f"Share of each layer that {cut(known.name, 60)} edits, as a mean over targets, by layer and site"
        f"{f', of {len(shown)} sets of runs that differ in it' if several else ''}.{more}"
    )
    spec = _lines(data, depth, places, named) if several else _bars(data, depth, places)
    columns = ["Run", "Layer", "Where", "Positions", "Share of the layer"]
    return Chart("across-layers", words, spec, columns, table[:MOST_ROWS])


def _differing(known: PublishedMethod) -> list[tuple[list[LeaderboardRow], Portrait]]:
    """Distinct portraits with edits and the rows that have them, the most frequent first."""
    found: dict[str, tuple[list[LeaderboardRow], Portrait]] = {}
    for row, portrait in known.portraits:
        if portrait.edits:
            key = json.dumps([portrait.layers, [edit.model_dump() for edit in portrait.edits]])
            found.setdefault(key, ([], portrait))[0].append(row)
    return sorted(found.values(), key=lambda one: -len(one[0]))


def _named(groups: Sequence[Sequence[LeaderboardRow]]) -> list[str]:
    """Names of series: what distinguishes their first runs, the number of further runs, and a number for duplicates."""
    whole = [_parts(rows[0]) for rows in groups]
    telling = [part for part in range(4) if len({one[part] for one in whole}) > 1] or [0]
    names = []
    for rows, one in zip(groups, whole, strict=True):
        name = ", ".join(dict.fromkeys(cut(one[part], 40) for part in telling if one[part])) or "as it is"
        more = len({row.run.id for row in rows}) - 1
        names.append(f"{name} and {more} more" if more and len({_parts(row) for row in rows}) > 1 else name)
    counts: Counter[str] = Counter()
    for place, name in enumerate(names):
        counts[name] += 1
        names[place] = name if counts[name] == 1 else f"{name} ({counts[name]})"
    return names


def _parts(row: LeaderboardRow) -> tuple[str, str, str, str]:
    return row.run.model, row.run.plan.task, dataset_of(row.run), row.asked


def _percent(percent: float) -> str:
    return f"{number(percent, 1 if percent >= 1 else 2 if percent >= 0.01 or not percent else 4)} %"


def _x(depth: int) -> dict[str, Any]:
    scale = {"domain": [-0.5, depth - 0.5], "nice": False}
    return {
        "field": "layer",
        "type": "quantitative",
        "title": "layer",
        "scale": scale,
        "axis": {"tickMinStep": 1, "grid": False},
    }


def _y() -> dict[str, Any]:
    return {"field": "share", "type": "quantitative", "title": "share of the layer (%)", "stack": None}


def _bars(data: Sequence[dict[str, Any]], depth: int, places: Sequence[str]) -> dict[str, Any]:
    """One bar per layer and site; bars of several sites are side by side."""
    width = 0.8 / len(places)
    for one in data:
        left = one["layer"] - 0.4 + width * places.index(one["place"])
        one |= {"from": round(left, 3), "to": round(left + width, 3)}
    x = _x(depth) | {"field": "from"}
    encoding: dict[str, Any] = {"x": x, "x2": {"field": "to"}, "y": _y(), "y2": {"datum": 0}}
    encoding["tooltip"] = {"field": "told"}
    if len(places) > 1:
        encoding["color"] = {
            "field": "place",
            "type": "nominal",
            "title": None,
            "sort": list(places),
            "legend": legend(places),
        }
    return {"data": {"values": data}, "mark": "bar", "encoding": encoding}


def _lines(data: Sequence[dict[str, Any]], depth: int, places: Sequence[str], named: Sequence[str]) -> dict[str, Any]:
    encoding: dict[str, Any] = {
        "x": _x(depth),
        "y": _y(),
        "color": {"field": "run", "type": "nominal", "title": None, "sort": list(named), "legend": legend(named)},
        "detail": {"field": "place"},
        "tooltip": {"field": "told"},
    }
    below = legend(places) | {"orient": "bottom"}  # a phone has no room for two legends side by side
    place = {"field": "place", "type": "nominal", "title": None, "sort": list(places), "legend": below}
    several = len(places) > 1
    layers = [
        {
            "mark": {"type": "line", "strokeWidth": 1.5},
            "data": {"values": _with_noughts(data, depth)},
            "encoding": {"strokeDash": place | {"legend": None}} if several else {},
        },
        {"mark": "point", "encoding": {"shape": place} if several else {}},
    ]
    return {"data": {"values": data}, "encoding": encoding, "layer": layers}


def _with_noughts(data: Sequence[dict[str, Any]], depth: int) -> list[dict[str, Any]]:
    """A point for every layer, so that lines are at 0 where nothing is edited."""
    found = {(one["run"], one["place"], one["layer"]): one for one in data}
    series = list(dict.fromkeys((one["run"], one["place"]) for one in data))
    layers = {one["run"]: min(one["of"], depth) for one in data}
    return [
        found.get((run, place, layer)) or {"run": run, "place": place, "layer": layer, "share": 0}
        for run, place in series
        for layer in range(layers[run])
    ]
