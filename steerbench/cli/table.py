"""A run's board as a table that reads at 100 columns."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from steerbench.cli.conclusion import conclusion
from steerbench.records.results import JudgeResult, MethodResult, MetricRecord, RunResult, without_break_downs

WIDE = 100
"""Columns of a terminal that a board wants; a narrower one gets one interval and not two."""
MOST, LEAST = 6, 3
"""Metrics of a board, from the first on."""


def show(result: RunResult, folder: Path, console: Console | None = None) -> None:
    """Print the board, how its methods stand, their flags and how the run deviates."""
    console = console or Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    console.print(fitting(result, console))
    for name, method in ordered(result):
        for remark in method.remarks:
            console.print(Text.assemble((f"{name}: ", "bold"), remark))
        for fact, value in method.facts.items():
            console.print(Text.assemble((f"{name}: ", "bold"), f"{fact}: {value:g} (median over targets)"))
    for role, judge in result.judges.items():
        console.print(Text(f"{role} rated by {judge.name}: {trust(judge)}"))
    if result.deviations:
        console.print(Text("Not strict: " + "; ".join(result.deviations) + "."))
    console.print(Text(reading(result)))
    console.print(f"{result.targets} targets. All of it is in {folder}.", highlight=False, soft_wrap=True)
    if said := conclusion(result):
        console.print(Text.assemble(("What it says. ", "bold"), said))


def fitting(result: RunResult, console: Console) -> Table:
    """The board with as many metrics as the console has room for: six with two intervals, or fewer."""
    for metrics in range(MOST, LEAST, -1):
        table = board(result, metrics, intervals=2 if console.width >= WIDE else 1)
        if fits(table, console):
            return table
    return board(result, LEAST, intervals=1)


def fits(table: Table, console: Console) -> bool:
    """Whether a table has all the room it needs: it is asked with more, so that it says what it needs."""
    return Measurement.get(console, console.options.update(max_width=100 * WIDE), table).maximum <= console.width


def board(result: RunResult, metrics: int = 6, intervals: int = 2) -> Table:
    """Rows by the headline metric, trivial ones dimmed; the first metrics, with intervals of the first of them."""
    shown = columns(result)[:metrics]
    with_interval = shown[:intervals]
    title = ", ".join(part for part in (result.plan.task, result.framing, result.plan.protocol) if part)
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    longest = max(len(name) for name in result.methods)
    table.add_column("method", overflow="fold", min_width=min(longest, len("random-direction")))
    dials = any(method.steered for method in result.methods.values())
    moves = any(method.against for method in result.methods.values())
    more = [*(("median strength", "steered") if dials else ()), *(("moved against",) if moves else ())]
    for name in (*shown, *more, "time (s)"):
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    for name, method in ordered(result):
        cells = [cell(method.metrics.get(metric), metric in with_interval) for metric in shown]
        dial = [_strength(method), method.steered] if dials else []
        against = [method.against] if moves else []
        table.add_row(name, *cells, *dial, *against, _seconds(result, name), style="dim" if method.trivial else "")
    return table


def reading(result: RunResult) -> str:
    """What intervals and tests are of, in one line."""
    said = f"Intervals and tests are over {result.over}, 95 %."
    if any(method.against for method in result.methods.values()):
        said += " Moved against: of all items, those that lose by the steering / that it moves."
    tested = [name for name, method in result.methods.items() if method.comparisons]
    if len(tested) > 1:
        said += f" Each of the {len(tested)} methods is tested by itself; nothing is corrected for their number."
    return said


def trust(judge: JudgeResult) -> str:
    """A judge's figures in one line: what it orders rightly, what it could not rate, what it cost."""
    said = [f"{judge.verdicts:,} verdicts"]
    if judge.unscored:
        said.append(f"{judge.unscored:,} without a rating")
    if judge.cost:
        said.append(f"cost {judge.cost:.4g}")
    if judge.check is not None:
        areas = [auc for auc in judge.check.auc.values() if auc is not None]
        if areas:
            known = "the texts it was built on" if judge.check.seen == 1 else "texts of known end"
            said.append(f"orders {known} with an area under the curve of {_short(min(areas))} or more")
        if judge.check.length_bias is not None:
            said.append(f"length bias {_short(judge.check.length_bias)}")
    return ", ".join(said) + "."


def columns(result: RunResult) -> list[str]:
    """The metrics worth a column."""
    # The fullest row first: it has the metrics in the task's own order, gaps of other rows left aside.
    fullest = sorted(result.methods.values(), key=lambda method: -len(method.metrics))
    return without_break_downs(dict.fromkeys(name for method in fullest for name in method.metrics))


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
