"""The page of published timings: each method's time relative to the unsteered engine, now and over commits."""

from collections.abc import Iterator, Sequence
from typing import Any

from leaderboard.charts import Chart, ChartCell
from leaderboard.frame import File, Page, to_json
from leaderboard.site import Site
from leaderboard.speed import Checks, MethodTimings, Setup, checks_of, setups_of
from leaderboard.text import NONE, cut, number
from steerbench.publishing.speed import Computer, PublishedSpeed, name_of
from steerbench.timing.schema import GROUPS

SETUPS = 12
"""Maximum setups with charts; the JSON has all."""
DRAWN = 8
"""Maximum methods in a chart, one per colour; its table has all."""
ROWS = 400
COLUMNS = 6
"""Maximum files in the table of the project's own benchmarks."""
NAME = 30
LEGEND = {"columns": {"expr": "width < 440 ? 3 : 8"}}
BY_UNSTEERED = "time relative to the unsteered engine"


def files(site: Site) -> Iterator[File]:
    setups, checks = setups_of(site.speeds), checks_of(site.speeds, COLUMNS)
    values = {
        "setups": [_setup(place, setup) for place, setup in enumerate(setups[:SETUPS])],
        "left": len(setups) - SETUPS,
        "checks": [_checks(one) for one in checks[:SETUPS]],
        "several": len(site.speeds) > 1,
    }
    yield Page("speed.html", "speed.html", "Speed", values).file()
    told = {"schema_version": 1, "files": {name_of(one): one.model_dump(mode="json") for one in site.speeds}}
    yield File("api/speed.json", to_json(told))


def _setup(place: int, setup: Setup) -> dict[str, Any]:
    histories = [
        (group, _history(f"speed-{place}-{group}", group, lines))
        for group, lines in setup.lines.items()
        if any(len(line.points) > 1 for line in lines)
    ]
    return {
        "title": f"{cut(setup.model, 60)} on {cut(setup.engine, 40)}",
        "setup": setup,
        "machine": _machine(setup.computer),
        "threads": setup.computer.threads,
        "when": _when(setup.latest),
        "chart": _now(f"speed-{place}", setup),
        "histories": histories,
        "lines": [(group, line, *line.tokens_per_second) for group, line in _flat(setup)][:ROWS],
    }


def _now(name: str, setup: Setup) -> Chart:
    """The latest ratio of every method at every kind of work, with its interval."""
    lines = _flat(setup)
    methods = list(dict.fromkeys(line.method for _, line in lines))[:DRAWN]
    values = [
        {
            "method": cut(line.method, NAME),
            "work": group,
            "ratio": line.case.ratio.median,
            "low": line.case.ratio.low,
            "high": line.case.ratio.high,
            "told": f"{cut(line.method, NAME)}, {group}: {_ratio(line)}",
        }
        for group, line in lines
        if line.method in methods
    ]
    shared = {
        "y": {"field": "method", "type": "nominal", "sort": [cut(one, NAME) for one in methods], "title": None},
        "yOffset": {"field": "work", "type": "nominal", "sort": list(GROUPS)},
        "color": {"field": "work", "type": "nominal", "sort": list(GROUPS), "title": None, "legend": LEGEND},
        "tooltip": {"field": "told"},
    }
    x = {"type": "quantitative", "scale": {"zero": False}, "title": BY_UNSTEERED, "axis": {"tickCount": 6}}
    return Chart(
        name,
        _words(lines),
        {
            "data": {"values": values},
            "layer": [
                {"mark": {"type": "rule", "style": "reference", "strokeDash": [3, 2]}, "encoding": {"x": {"datum": 1}}},
                {
                    "mark": {"type": "rule", "strokeWidth": 2},
                    "encoding": {**shared, "x": {"field": "low", **x}, "x2": {"field": "high"}},
                },
                {"mark": "point", "encoding": {**shared, "x": {"field": "ratio", **x}}},
            ],
        },
        ["Work", "Method", "Ratio", "95 % interval"],
        [[ChartCell(group), ChartCell(line.method), *_cells(line)] for group, line in lines[:ROWS]],
    )


def _history(name: str, group: str, lines: Sequence[MethodTimings]) -> Chart:
    """The ratio of each method in every file, in the order of their commits."""
    speeds = sorted(
        {id(p.speed): p.speed for line in lines for p in line.points}.values(), key=lambda s: (s.moment, s.created)
    )
    order = {id(speed): f"{place}|{_place(speed)}|{speed.moment[:10]}" for place, speed in enumerate(speeds)}
    values = [
        {
            "method": cut(line.method, NAME),
            "at": order[id(point.speed)],
            "ratio": point.case.ratio.median,
            "low": point.case.ratio.low,
            "high": point.case.ratio.high,
            "told": f"{cut(line.method, NAME)} at {_when(point.speed)}: {number(point.case.ratio.median)}",
        }
        for line in lines[:DRAWN]
        for point in line.points
    ]
    axis = {"labelExpr": "slice(split(datum.label, '|'), 1)", "labelAngle": 0, "labelOverlap": True}
    shared = {
        "x": {"field": "at", "type": "ordinal", "sort": list(order.values()), "title": None, "axis": axis},
        "color": {"field": "method", "type": "nominal", "sort": None, "title": None, "legend": LEGEND},
        "tooltip": {"field": "told"},
    }
    y = {"type": "quantitative", "scale": {"zero": False}, "title": "ratio"}
    first, last = ([line.points[place].case.ratio.median for line in lines] for place in (0, -1))
    return Chart(
        f"{name}-history",
        f"{group} over {_counted(len(speeds), 'file')}, from {_when(speeds[0])} to {_when(speeds[-1])}: ratios from "
        f"{number(min(first))} to {number(max(first))} at first, from {number(min(last))} to {number(max(last))} now.",
        {
            "data": {"values": values},
            "layer": [
                {"mark": {"type": "rule", "style": "reference", "strokeDash": [3, 2]}, "encoding": {"y": {"datum": 1}}},
                {"mark": "line", "encoding": {**shared, "y": {"field": "ratio", **y}}},
                {"mark": "rule", "encoding": {**shared, "y": {"field": "low", **y}, "y2": {"field": "high"}}},
                {"mark": "point", "encoding": {**shared, "y": {"field": "ratio", **y}}},
            ],
        },
        ["Method", "Commit", "Of", "Ratio", "95 % interval"],
        [
            [
                ChartCell(line.method),
                ChartCell(_place(p.speed)),
                ChartCell(p.speed.moment[:10]),
                *_cells(MethodTimings(line.method, [p])),
            ]
            for line in lines
            for p in line.points
        ][:ROWS],
        "short",
    )


def _checks(checks: Checks) -> dict[str, Any]:
    return {
        "machine": _machine(checks.computer),
        "files": [(_place(speed), speed.moment[:10]) for speed in checks.files],
        "ratios": [(_sentence(one.test), one) for one in checks.ratios[:ROWS]],
    }


def _flat(setup: Setup) -> list[tuple[str, MethodTimings]]:
    return [(group, line) for group, lines in setup.lines.items() for line in lines]


def _words(lines: Sequence[tuple[str, MethodTimings]]) -> str:
    ordered = sorted(lines, key=lambda one: one[1].case.ratio.median)
    (low_group, low), (high_group, high) = ordered[0], ordered[-1]
    return (
        f"Time relative to the unsteered engine: from {number(low.case.ratio.median)} ({cut(low.method, NAME)}, "
        f"{low_group}) to {number(high.case.ratio.median)} ({cut(high.method, NAME)}, {high_group})."
    )


def _cells(line: MethodTimings) -> tuple[ChartCell, ChartCell]:
    ratio = line.case.ratio
    return ChartCell(number(ratio.median)), ChartCell(f"[{number(ratio.low)}, {number(ratio.high)}]")


def _ratio(line: MethodTimings) -> str:
    return " ".join(cell.text for cell in _cells(line))


def _machine(computer: Computer) -> str:
    accelerator = [cut(computer.device, 80)] if computer.device not in ("", "cpu") else []
    return ", ".join([*accelerator, cut(computer.cpu, 80) or "unknown processor", _counted(computer.cores, "core")])


def _when(speed: PublishedSpeed) -> str:
    return f"{_place(speed)} of {speed.moment[:10]}"


def _place(speed: PublishedSpeed) -> str:
    return speed.commit.id[:8] if speed.commit else f"version {cut(speed.versions.get('steerbench', NONE), 20)}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _sentence(test: str) -> str:
    """A test's name as a sentence."""
    return cut(test.removeprefix("test_").replace("_", " "), 200)
