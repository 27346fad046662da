"""Trade-off pages: the list of published ones, a page for each, and effects and costs in ordinary runs."""

from collections.abc import Iterator
from typing import Any

from leaderboard.charts import Chart, ChartCell
from leaderboard.frame import File, Page, to_json
from leaderboard.fronts import CROSS, FRONT, LINKED, POINTER, front_chart
from leaderboard.links import page_of, tradeoff_page
from leaderboard.responses import DRAWN, TEST, by_method, dose_chart, link_of
from leaderboard.row import LeaderboardRow, dataset_of
from leaderboard.site import Site
from leaderboard.text import cut, decimals, interval, number, value
from leaderboard.tradeoffs import EffectAndCost, doses_of, pairs_of
from steerbench.contracts.roles import UNSTEERED
from steerbench.publishing.schema import Published
from steerbench.publishing.tradeoff_schema import PublishedTradeoff
from steerbench.records.results import MetricRecord
from steerbench.studies.tradeoff.result import EFFECT, Curve, Difference, TradeoffResult

COSTS = 8
"""Maximum costs drawn on a page; its tables have all."""
PAIRS = 24
"""Maximum drawings of ordinary runs."""
LISTED = 300
"""Maximum trade-offs in the list, and differences of one."""
SIGNIFICANT = 0.05
NAME = 30


def files(site: Site) -> Iterator[File]:
    doses = doses_of(site.tradeoffs)
    pairs = pairs_of([run for run in site.runs if run.id not in doses])
    values = {
        "tradeoffs": [(tradeoff, tradeoff_page(tradeoff.name)) for tradeoff in site.tradeoffs[:LISTED]],
        "more": len(site.tradeoffs) - LISTED,
        "pairs": [_pair(place, pair) for place, pair in enumerate(pairs[:PAIRS])],
        "more_pairs": len(pairs) - PAIRS,
    }
    yield Page("tradeoff.html", "tradeoffs.html", "Trade-off", values).file()
    for tradeoff in site.tradeoffs:
        title = f"What steering costs: {cut(tradeoff.found.effect_task, 60)} on {cut(tradeoff.model, 60)}"
        yield Page(tradeoff_page(tradeoff.name), "tradeoff.html", title, _values(tradeoff)).file()
        yield File(_data(tradeoff), tradeoff.model_dump_json())
    index = [{"name": one.name, "page": tradeoff_page(one.name), "data": _data(one)} for one in site.tradeoffs]
    yield File("api/tradeoffs.json", to_json({"schema_version": 1, "tradeoffs": index}))


def _data(tradeoff: PublishedTradeoff) -> str:
    return f"api/tradeoffs/{tradeoff.name}.json"


def _values(tradeoff: PublishedTradeoff) -> dict[str, Any]:
    found = tradeoff.found
    costs = found.costs[:COSTS]
    return {
        "tradeoff": tradeoff,
        "found": found,
        "data": _data(tradeoff),
        "matched": [method for method, curve in found.curves.items() if curve.matched],
        "prices": [_price(found, method, curve) for method, curve in _ordered(found)],
        "digits": _digits(found),
        "differences": [(one, _outcome(one)) for one in found.differences[:LISTED]],
        "left_out": len(found.differences) - LISTED,
        "doses": [dose_chart(tradeoff, place, cost) for place, cost in enumerate([None, *costs])],
        "fronts": [(cost, front_chart(tradeoff, place, cost)) for place, cost in enumerate(costs)],
        "costs_left": len(found.costs) - COSTS,
    }


def _ordered(found: TradeoffResult) -> list[tuple[str, Curve]]:
    """All methods, those at the common effect first."""
    return sorted(found.curves.items(), key=lambda row: not row[1].matched)


def _price(found: TradeoffResult, method: str, curve: Curve) -> dict[str, Any]:
    """A row of the table: a method's costs where it is measured."""
    at = curve.measured
    return {
        "method": method,
        "curve": curve,
        "at": at,
        "standing": _standing(curve, found.wanted),
        "href": link_of(at, None, TEST),
        "costs": [(cost, at.prices[cost], link_of(at, cost, TEST)) for cost in found.costs],
    }


def _standing(curve: Curve, wanted: float | None) -> str:
    """What excludes a method from the comparison or makes its match unsure; "" if nothing does."""
    if curve.matched:
        return curve.doubt
    if curve.dial is None:
        return "no dial: at its own effect, not compared"
    reach = f"at most {number(curve.reach.value, 2)} {interval(curve.reach, 2)}".rstrip()
    if wanted is None:
        return f"no significant effect ({reach}): at its largest, not compared"
    return f"does not reach the common effect ({reach}): at its largest, not compared"


def _outcome(one: Difference) -> tuple[bool, str]:
    """Whether a difference is significant, and what follows from it."""
    if one.p_holm is None:
        return False, f"not tested: {one.why}"
    if one.p_holm >= SIGNIFICANT:
        return False, "not significant"
    more = cut(one.first if (one.difference.value or 0) > 0 else one.second, 40)
    return True, f"{more} has more effect: no match" if one.cost == EFFECT else f"{more} costs more"


def _digits(found: TradeoffResult) -> dict[str, int]:
    """By cost, the decimals of its column, at least two."""
    measured = [curve.measured for curve in found.curves.values()]
    return {cost: max(decimals(value(at.prices[cost]) for at in measured), 2) for cost in found.costs}


def _pair(place: int, pair: EffectAndCost) -> dict[str, Any]:
    effect, cost = pair.runs
    return {
        "title": f"{cut(effect.plan.task, 60)} and {cut(cost.plan.task, 60)}",
        "model": effect.model,
        "runs": [(_named(run), page_of(run)) for run in pair.runs],
        "chart": _pair_chart(f"pair-{place}", pair),
    }


def _named(run: Published) -> str:
    dataset = dataset_of(run)
    return f"{run.plan.task} on {dataset}" if dataset and dataset != run.plan.task else run.plan.task


def _pair_chart(name: str, pair: EffectAndCost) -> Chart:
    """Methods by effect and cost, each at the strengths that the effect run chose."""
    effect, cost = pair.runs
    front, drawn = pair.front(), pair.methods[: DRAWN + 1]
    titles = [f"{_metric(run)}, {'higher' if run.higher_is_better else 'lower'} is better" for run in pair.runs]
    data = [_mark(pair, method) for method in drawn]
    steered, plain = ([one for one in data if (one["method"] == UNSTEERED) is same] for same in (False, True))
    roomy = {"type": "quantitative", "scale": {"zero": False, "padding": 20}, "axis": {"tickCount": 5}}
    x, y = {**roomy, "field": "effect", "title": titles[0]}, {**roomy, "field": "cost", "title": titles[1]}
    at, colour = {"x": x, "y": y}, by_method([one["method"] for one in steered])
    across = {"x": {**x, "field": "left"}, "x2": {"field": "right"}, "y": y}
    up = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
    whisker = {"type": "rule", "opacity": 0.5}
    step = "step-before" if effect.higher_is_better else "step-after"
    line = [{"effect": best[0], "cost": best[1]} for best in map(pair.at, front)]
    layers = [
        {"mark": {**FRONT, "interpolate": step}, "data": {"values": line}, "encoding": at},
        *(
            {"mark": whisker, "data": {"values": steered}, "encoding": {**ends, "color": colour}}
            for ends in (across, up)
        ),
        {
            "mark": POINTER,
            "data": {"values": steered},
            "encoding": {**at, "color": colour, "shape": colour, **LINKED},
        },
        *([{"mark": CROSS, "data": {"values": plain}, "encoding": {**at, **LINKED}}] if plain else []),
    ]
    words = (
        f"{titles[1]}, over {titles[0]}, for {len(pair.methods)} rows at the same strengths. The wide grey line is "
        f"the front: {', '.join(cut(one, NAME) for one in front)}."
    )
    columns = ["Method", _metric(effect), "95 % interval", _metric(cost), "95 % interval", "On the front"]
    rows = [_pair_row(pair, method, front) for method in pair.methods]
    return Chart(name, words, {"layer": layers}, columns, rows)


def _mark(pair: EffectAndCost, method: str) -> dict[str, Any]:
    effect, cost = pair.at(method)
    told, ends = [], []
    for run, at in zip(pair.runs, (effect, cost), strict=True):
        metric = _first(run, method)
        told.append(f"{_metric(run)} {number(at, 3)} {interval(metric, 3)}".rstrip())
        ends += [at if end is None else end for end in (metric.low, metric.high)] if metric else [at, at]
    return {
        **dict(zip(("left", "right", "low", "high"), ends, strict=True)),
        "method": cut(method, NAME),
        "effect": effect,
        "cost": cost,
        "told": f"{cut(method, NAME)}: {', '.join(told)}",
        "href": page_of(pair.cost),
    }


def _pair_row(pair: EffectAndCost, method: str, front: list[str]) -> list[ChartCell]:
    figures: list[ChartCell] = []
    for run in pair.runs:
        metric = _first(run, method)
        figures += [ChartCell(number(value(metric), 3), _at(run, method)), ChartCell(interval(metric, 3))]
    return [ChartCell(method), *figures, ChartCell("yes" if method in front else "no")]


def _at(run: Published, method: str) -> str:
    place = list(run.methods).index(method)
    return f"{page_of(run)}#{LeaderboardRow(run, method, run.methods[method], place).anchor}"


def _first(run: Published, method: str) -> MetricRecord | None:
    return next(iter(run.methods[method].metrics.values()), None)


def _metric(run: Published) -> str:
    """A run's headline: the first metric of the row with the most metrics."""
    fullest = max(run.methods.values(), key=lambda row: len(row.metrics))
    return cut(next(iter(fullest.metrics), "headline"), 40)
