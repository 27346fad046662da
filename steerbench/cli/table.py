"""A run's board as a table that fits the screen, and what a reader of it must not miss."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from steerbench.api.screen import WIDE
from steerbench.api.screen import console as screen
from steerbench.cli.conclusion import conclusion, next_steps
from steerbench.cli.fitting import Column, print_facts, print_table
from steerbench.errors import counted
from steerbench.records.results import (
    JudgeResult,
    MethodResult,
    MetricRecord,
    RunResult,
    metrics_in_order,
    without_break_downs,
)
from steerbench.reports.captions import caption_facts
from steerbench.reports.source import source_of


def show(result: RunResult, folder: Path, console: Console | None = None) -> None:
    """Print the board, how its methods stand, their flags and how the run deviates."""
    console = console or screen()
    print_facts(console, caption_facts([source_of(result, folder)]))
    rows = ordered(result)
    dim = [method.trivial for _, method in rows]
    print_table(console, board(result, console.width), dim, _break_downs(result))
    for name, method in rows:
        for said in method.remarks:
            console.print(Text.assemble((f"{name}: ", "bold"), said))
        for fact, value in method.facts.items():
            console.print(Text.assemble((f"{name}: ", "bold"), f"{fact}: {value:g} (median over targets)"))
    for role, judge in result.judges.items():
        console.print(Text(f"{role} rated by {judge.name}: {trust(judge)}"))
    if result.deviations:
        console.print(Text("Not strict: " + "; ".join(result.deviations) + "."))
    console.print(Text(reading(result)))
    console.print(f"{counted(result.targets, 'targets')}. All of it is in {folder}.", highlight=False, soft_wrap=True)
    if said := conclusion(result):
        console.print(Text.assemble(("What it says. ", "bold"), said))
    for step in next_steps(result):
        console.print(Text(step), soft_wrap=True)


def board(result: RunResult, width: int = WIDE) -> list[Column]:
    """A board's columns: the rows' names, the metrics that break down no other, strengths, movement and seconds.

    On a narrow screen intervals are given up first, then the last metrics. A screen of 100 columns or more keeps the
    interval of the second metric before the fourth metric.
    """
    rows = [method for _, method in ordered(result)]
    columns = [Column("method", [name for name, _ in ordered(result)], right=False)]
    for place, name in enumerate(without_break_downs(metrics_in_order(result))):
        found = [row.metrics.get(name) for row in rows]
        cells, brief = [cell(one, interval=True) for one in found], [cell(one, interval=False) for one in found]
        keeps_interval = place == 0 or (place == 1 and width >= WIDE)
        order = {0: None, 1: 401.0, 2: 400.0}.get(place, 200.0 - place)
        lost_by = 600.0 if place == 0 else 300.0 if keeps_interval else 100.0 - place
        columns.append(Column(name, cells, order, None if cells == brief else brief, lost_by))
    extras = {
        "moved against": (500.0, [row.against for row in rows]),
        "steered": (501.0, [row.steered for row in rows]),
        "median strength": (502.0, [_strength(row) for row in rows]),
        "time (s)": (503.0, [_seconds(result, name) for name, _ in ordered(result)]),
    }
    shown = [Column(name, texts, order) for name, (order, texts) in extras.items() if any(texts)]
    return [*columns, *sorted(shown, key=lambda one: _PLACES.index(one.name))]


_PLACES = ("median strength", "steered", "moved against", "time (s)")


def _break_downs(result: RunResult) -> str:
    every = metrics_in_order(result)
    more = [name for name in every if name not in without_break_downs(every)]
    if not more:
        return ""
    return f"--json also has {counted(len(more), 'break-downs')} ({more[0]}{', ...' if len(more) > 1 else ''})."


def reading(result: RunResult) -> str:
    """What intervals and tests generalise over, in one line."""
    said = f"Intervals and tests are over {result.over}, 95 %."
    if any(method.against for method in result.methods.values()):
        said += " Moved against: the share of items that steering moved the wrong way / that it moved at all."
    tested = [name for name, method in result.methods.items() if method.comparisons]
    if len(tested) > 1:
        said += f" The {len(tested)} methods are tested one by one, without a correction for multiple methods."
    return said


def trust(judge: JudgeResult) -> str:
    """A judge's figures in one line: how well it orders known texts, how many it could not rate, what it cost."""
    said = [counted(judge.verdicts, "verdicts")]
    if judge.unscored:
        said.append(f"{judge.unscored:,} without a rating")
    if judge.cost:
        said.append(f"cost {judge.cost:.4g}")
    if judge.check is not None:
        areas = [auc for auc in judge.check.auc.values() if auc is not None]
        if areas:
            known = "the texts it was built on" if judge.check.seen == 1 else "texts whose pole is known"
            said.append(f"orders {known} with an area under the curve of {_short(min(areas))} or more")
        if judge.check.length_bias is not None:
            said.append(f"length bias {_short(judge.check.length_bias)}")
    return ", ".join(said) + "."


def ordered(result: RunResult) -> list[tuple[str, MethodResult]]:
    """Methods by their headline, the best first; those without one last."""
    return sorted(result.methods.items(), key=lambda row: _headline(row[1], -1 if result.higher_is_better else 1))


def _headline(method: MethodResult, sign: int) -> float:
    first = next(iter(method.metrics.values()), None)
    return float("inf") if first is None or first.value is None else sign * first.value


def cell(metric: MetricRecord | None, interval: bool) -> str:
    if metric is None or metric.value is None:
        return "-"
    if not interval or metric.low is None or metric.high is None:
        return _short(metric.value)
    return f"{_short(metric.value)} [{_short(metric.low)} {_short(metric.high)}]"


def _short(value: float) -> str:
    """Two decimals, no zero before the point, and no "-.00"."""
    sign, digits = ("-" if round(value, 2) < 0 else ""), f"{abs(value):.2f}"
    return sign + (digits[1:] if digits.startswith("0") else digits)


def _strength(method: MethodResult) -> str:
    """Nothing where there was nothing to choose."""
    strengths: Sequence[float] = list(method.strengths.values())
    return f"{statistics.median(strengths):.2g}" if any(strength != 1 for strength in strengths) else ""


def _seconds(result: RunResult, name: str) -> str:
    timing = result.timings.methods.get(name)
    seconds = timing.fit + timing.calibrate + timing.evaluate + timing.judge if timing else 0.0
    return f"{seconds:.1f}" if seconds < 100 else f"{seconds:,.0f}"
