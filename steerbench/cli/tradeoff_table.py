"""A trade-off as a table that fits the screen: a line for each method, at the common effect."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from steerbench.api.screen import console as screen
from steerbench.cli.fitting import Column, print_facts, print_table
from steerbench.cli.table import cell
from steerbench.contracts.roles import UNSTEERED
from steerbench.errors import counted
from steerbench.records.results import MetricRecord
from steerbench.reports.captions import caption_facts
from steerbench.reports.source import sources_beside
from steerbench.studies.tradeoff.result import EFFECT, Curve, Difference, TradeoffResult

SIGNIFICANT = 0.05
LESS = "costs are losses beside unsteered, lower is better"


def show(result: TradeoffResult, folder: Path, console: Console | None = None) -> None:
    """Print the table, which methods differ significantly, the fronts, and what a reader must not miss."""
    console = console or screen()
    runs = [point.measured.runs.get(result.effect_task, "") for point in result.curves.values()]
    print_facts(console, caption_facts(sources_beside(folder, filter(None, runs)), _title(result), LESS))
    print_table(console, columns_of(result), [not curve.matched for _, curve in ordered(result)])
    for method, curve in ordered(result):
        for note in notes(curve, result.wanted):
            console.print(Text.assemble((f"{method}: ", "bold"), note))
    for sentence in compared(result.differences):
        console.print(sentence)
    for cost, doses in result.fronts.items():
        named = ", ".join(method if method == UNSTEERED else f"{method} {strength:g}" for method, strength in doses)
        console.print(Text(f"Not beaten in effect and {cost}: {named}."))
    targets = ", ".join(result.targets)
    console.print(f"Towards {targets}. All of it is in {folder}.", highlight=False, soft_wrap=True)


def ordered(result: TradeoffResult) -> list[tuple[str, Curve]]:
    """Methods at the common effect first."""
    return sorted(result.curves.items(), key=lambda row: not row[1].matched)


def notes(curve: Curve, wanted: float | None) -> list[str]:
    """Why a method is not compared, or how certain its match is; then the flags of its boards."""
    found = curve.measured.warnings
    if not curve.matched and curve.dial is None:
        found.insert(0, "has no strength to set: shown at its own effect, not compared")
    elif not curve.matched:
        lacks = "has no effect significantly different from 0" if wanted is None else "does not reach the common effect"
        reach = cell(curve.reach, interval=True)
        found.insert(0, f"{lacks} (at most {reach}, jointly over all doses): shown at its largest effect, not compared")
    elif curve.strength is not None:
        found.insert(0, _matched(curve.strength, curve.doubt))
    return found


def _matched(strength: MetricRecord, doubt: str) -> str:
    questions = counted(strength.n, "calibration questions")
    if strength.low is None or strength.high is None:
        return f"matched at strength {strength.value:.3g}; {questions} are too few for an interval"
    said = f"matched at strength {strength.value:.3g} [{strength.low:.3g} {strength.high:.3g}] by {questions}"
    return f"{said}; {doubt}" if doubt else said


def compared(differences: Sequence[Difference]) -> Iterator[Text]:
    """Whether the match held, which method loses more, what could not be tested, and what the intervals are over."""
    effects = [one for one in differences if one.cost == EFFECT and one.p_holm is not None]
    prices = [one for one in differences if one.cost != EFFECT]
    yield from (said(one) for one in differences if one.p_holm is not None and one.p_holm < SIGNIFICANT)
    least = min((one.p_holm for one in effects if one.p_holm is not None), default=None)
    if least is not None and least >= SIGNIFICANT:
        over = " and ".join(counted(count, units) for units, count in effects[0].over.items())
        sure = f"smallest Holm-corrected p = {least:.2g}"
        yield Text(f"Effects of matched methods do not differ significantly on {over} ({sure}).")
    for why in dict.fromkeys(f"{one.cost}: {one.why}" for one in differences if one.why):
        yield Text(f"Not tested: {why}.")
    if any(one.p is not None for one in prices):
        yield Text(
            "Costs are compared by bootstrap over calibration questions and items, matching strengths in each resample."
        )


def said(found: Difference) -> Text:
    """A difference as a sentence, the one that loses more (or has more effect) first."""
    more, other, metric = found.first, found.second, found.difference
    if metric.value is not None and metric.value < 0:
        low, high = (None if bound is None else -bound for bound in (metric.high, metric.low))
        more, other, metric = other, more, MetricRecord(value=-metric.value, low=low, high=high, n=metric.n)
    size, sure = cell(metric, interval=True), f"(Holm-corrected p = {found.p_holm:.2g})"
    if found.cost == EFFECT:
        return Text.assemble(
            (more, "bold"), f" has {size} more effect than ", (other, "bold"), f" on test questions {sure}: no match."
        )
    return Text.assemble((more, "bold"), f" loses {size} more {found.cost} than ", (other, "bold"), f" {sure}.")


def _title(result: TradeoffResult) -> str:
    if result.wanted is None:
        return f"largest effects on {result.effect_task} (no common one)"
    return f"costs of an effect of {result.wanted:.2f} on {result.effect_task}"


def columns_of(result: TradeoffResult) -> list[Column]:
    """Strength, effect, losses beside the unsteered model by cost, and the shape of the dose-effect curve."""
    curves = [curve for _, curve in ordered(result)]
    estimates: dict[str, Sequence[MetricRecord | None]] = {
        "effect": [curve.measured.effect for curve in curves],
        **{cost: [curve.measured.prices[cost] for curve in curves] for cost in result.costs},
        "area": [curve.area for curve in curves],
        "mono- tone": [curve.monotonicity for curve in curves],
        "shrink- age": [curve.shrinkage for curve in curves],
    }
    names = Column("method", [name for name, _ in ordered(result)], right=False)
    strength = Column("strength", [f"{one.measured.strength:.3g}" if one.dial else "" for one in curves], kept=50)
    columns = [names, strength]
    shape = len(estimates) - 3
    for place, (name, found) in enumerate(estimates.items()):
        cells, brief = [cell(one, interval=True) for one in found], [cell(one, interval=False) for one in found]
        head = name.replace("-", "- ") if name in result.costs else name
        kept = None if place == 0 else 30.0 - place if place >= shape else 60.0 - place
        columns.append(Column(head, cells, kept, brief, 20.0 - place))
    return columns
