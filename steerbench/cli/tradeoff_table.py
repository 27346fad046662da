"""A trade-off as a table that reads at 100 columns: a line for each method, where its effect is the common one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from steerbench.cli.table import WIDE, cell, fits
from steerbench.records.results import MetricRecord
from steerbench.studies.tradeoff.result import EFFECT, Curve, Difference, TradeoffResult

SIGNIFICANT = 0.05


def show(result: TradeoffResult, folder: Path, console: Console | None = None) -> None:
    """Print the table, what tells methods apart, the fronts, and what a reader must not miss."""
    console = console or Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    console.print(_fitting(result, console))
    for method, curve in ordered(result):
        for note in notes(curve, result.wanted):
            console.print(Text.assemble((f"{method}: ", "bold"), note))
    for sentence in compared(result.differences):
        console.print(sentence)
    for cost, doses in result.fronts.items():
        named = ", ".join(method if method == "unsteered" else f"{method} {strength:g}" for method, strength in doses)
        console.print(Text(f"Not beaten in effect and {cost}: {named}."))
    targets = ", ".join(result.targets)
    console.print(f"Towards {targets}. All of it is in {folder}.", highlight=False, soft_wrap=True)


def ordered(result: TradeoffResult) -> list[tuple[str, Curve]]:
    """Methods at the common effect first."""
    return sorted(result.curves.items(), key=lambda row: not row[1].matched)


def notes(curve: Curve, wanted: float | None) -> list[str]:
    """What keeps a method from the comparison or how surely it is matched, and what its boards flag."""
    found = list(curve.measured.flags)
    if not curve.matched and curve.dial is None:
        found.insert(0, "has no strength to turn: at its own effect, not compared")
    elif not curve.matched:
        lacks = "has no effect that is told from none" if wanted is None else "does not reach the common effect"
        reach = cell(curve.reach, interval=True)
        found.insert(0, f"{lacks} (at most {reach}, over all doses at once): at its largest, not compared")
    elif curve.strength is not None:
        found.insert(0, _matched(curve.strength, curve.doubt))
    return found


def _matched(strength: MetricRecord, doubt: str) -> str:
    questions = f"{strength.n} calibration questions"
    if strength.low is None or strength.high is None:
        return f"matched at strength {strength.value:.3g}; {questions} are too few for an interval"
    said = f"matched at strength {strength.value:.3g} [{strength.low:.3g} {strength.high:.3g}] by {questions}"
    return f"{said}; {doubt}" if doubt else said


def compared(differences: Sequence[Difference]) -> Iterator[Text]:
    """Whether the match held, who loses more, what could not be tested, and what the intervals are over."""
    effects = [one for one in differences if one.cost == EFFECT and one.p_holm is not None]
    prices = [one for one in differences if one.cost != EFFECT]
    yield from (said(one) for one in differences if one.p_holm is not None and one.p_holm < SIGNIFICANT)
    least = min((one.p_holm for one in effects if one.p_holm is not None), default=None)
    if least is not None and least >= SIGNIFICANT:
        over = " and ".join(f"{count} {units}" for units, count in effects[0].over.items())
        yield Text(f"Effects of matched methods are not told apart on {over} (p = {least:.2g} after Holm).")
    for why in dict.fromkeys(f"{one.cost}: {one.why}" for one in differences if one.why):
        yield Text(f"Not tested: {why}.")
    if any(one.p is not None for one in prices):
        yield Text(
            "Prices are compared by bootstrap over calibration questions and items, strengths read off anew each time."
        )


def said(found: Difference) -> Text:
    """A difference as a sentence, the one that loses more (or has more effect) first."""
    more, other, metric = found.first, found.second, found.difference
    if metric.value is not None and metric.value < 0:
        low, high = (None if bound is None else -bound for bound in (metric.high, metric.low))
        more, other, metric = other, more, MetricRecord(value=-metric.value, low=low, high=high, n=metric.n)
    size, sure = cell(metric, interval=True), f"(p = {found.p_holm:.2g} after Holm)"
    if found.cost == EFFECT:
        return Text.assemble(
            (more, "bold"), f" has {size} more effect than ", (other, "bold"), f" on test questions {sure}: no match."
        )
    return Text.assemble((more, "bold"), f" loses {size} more {found.cost} than ", (other, "bold"), f" {sure}.")


def _fitting(result: TradeoffResult, console: Console) -> Table:
    """With the intervals of as many columns as the console is wide enough for."""
    columns = 1 + len(result.costs)
    for intervals in range(columns + 2, 0, -1):
        table = _table(result, intervals)
        if fits(table, console):
            return table
    return _table(result, 0)


def _table(result: TradeoffResult, intervals: int) -> Table:
    title = f"What an effect of {result.wanted or 0:.2f} on {result.effect_task} costs (loss beside unsteered)"
    if result.wanted is None:
        title = f"No common effect on {result.effect_task}: what each method's largest costs (loss beside unsteered)"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("method", overflow="fold")
    for name in ("strength", "effect", *result.costs, "area", "mono-tone", "shrink-age"):
        table.add_column(name.replace("-", "-\n").replace(" ", "\n"), justify="right", no_wrap=True)
    for method, curve in ordered(result):
        at = curve.measured
        shown: Sequence[MetricRecord | None] = [
            at.effect,
            *(at.prices[c] for c in result.costs),
            curve.area,
            curve.monotonicity,
            curve.shrinkage,
        ]
        cells = [cell(metric, interval=place < intervals) for place, metric in enumerate(shown)]
        strength = f"{at.strength:.3g}" if curve.dial else ""
        table.add_row(method, strength, *cells, style="" if curve.matched else "dim")
    return table
