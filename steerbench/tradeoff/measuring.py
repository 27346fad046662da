"""Measures a trade-off: every dial's curve on calibration questions, the strengths of a common effect, and there the
effect on test questions and what it costs."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from steerbench import contracts
from steerbench.campaign import Campaign
from steerbench.contracts import Engine
from steerbench.progress import Progress, Silent
from steerbench.record_files import write_record
from steerbench.results import Metric, metrics
from steerbench.statistics import bootstrap_mean, holm, sign_flip_test
from steerbench.tradeoff.asked import Part, Tradeoff
from steerbench.tradeoff.curves import area, common_effect, front, monotonicity, strength_for
from steerbench.tradeoff.result import RESULT, Curve, Difference, Point, TradeoffResult
from steerbench.tradeoff.runs import CALIBRATION, PLAIN, TEST, Array, Dose, Runs


def run_tradeoff(
    asked: Tradeoff, out: Path, engine: Engine, progress: Progress | None = None, judge_budget: float | None = None
) -> tuple[TradeoffResult, Path]:
    """Run what has not been run, all on one engine; returns the result and its folder, where it is written.

    Raises:
        UserError: a run cannot be made (as `prepare` and `execute`), or the judges' budget is spent.
    """
    runs = Runs(asked, Campaign(out, engine, progress or Silent(), judge_budget))
    doses = {method: [Dose(method, s) for s in strengths] for method, strengths in asked.strengths.items()}
    every = [dose for of_one in doses.values() for dose in of_one]
    runs.make([CALIBRATION], every)
    seed = asked.base.seed
    reached = {method: _reach(runs, of_one, seed) for method, of_one in doses.items()}
    wanted = _wanted(asked, reached)
    chosen = {method: _chosen(asked, runs, of_one, wanted, reached[method]) for method, of_one in doses.items()}
    runs.make([TEST], [choice.dose for choice in chosen.values()])
    runs.make(list(asked.costs), [*every, *(choice.dose for choice in chosen.values())])
    curves = {m: _curve(asked, runs, of_one, chosen[m], reached[m]) for m, of_one in doses.items()}
    result = TradeoffResult(
        effect_task=asked.base.task,
        targets=asked.targets,
        costs=costs_of(asked, runs),
        wanted=wanted,
        unsteered=runs.folders(PLAIN),
        curves=curves,
        differences=_differences(asked, runs, [choice.dose for choice in chosen.values() if choice.matched]),
        fronts={cost: _front(curves, cost) for cost in costs_of(asked, runs)},
    )
    folder = out / f"tradeoff-{asked.base.task}-{'-'.join(asked.base.methods)[:60].rstrip('-+')}-{_digest(runs)}"
    write_record(result, folder / RESULT)
    return result, folder


@dataclass(frozen=True)
class Chosen:
    """Where a method's costs are compared, and whether its effect there is the common one."""

    dose: Dose
    matched: bool


@dataclass(frozen=True)
class Reach:
    """A method's dose of largest mean effect."""

    dose: Dose
    effect: contracts.Metric


def costs_of(asked: Tradeoff, runs: Runs) -> list[str]:
    """The costs' names: the effect task's own side cost first, then the tasks that measure one."""
    own = [str(getattr(asked.effect_task, "cost", "cost"))] if runs.has_side_cost() else []
    return [*own, *asked.costs]


def estimate(values: Array, seed: int) -> contracts.Metric:
    """Mean over items with its interval; nan if there is nothing to take it of."""
    if np.isnan(values).all():
        return contracts.Metric(float("nan"))
    return bootstrap_mean(values, np.random.default_rng(seed))


def _reach(runs: Runs, doses: Sequence[Dose], seed: int) -> Reach:
    best = max(doses, key=lambda dose: _mean(runs.effects(CALIBRATION, dose)))
    return Reach(best, estimate(runs.effects(CALIBRATION, best), seed))


def _wanted(asked: Tradeoff, reached: dict[str, Reach]) -> float | None:
    """The effect at which costs are compared, None if there is none above 0."""
    if isinstance(asked.wanted, str):
        own = reached[asked.wanted].effect.value
        return own if own > 0 else None
    if asked.wanted is not None:
        return asked.wanted
    return common_effect([reach.effect for method, reach in reached.items() if asked.dials[method]])


def _chosen(asked: Tradeoff, runs: Runs, doses: Sequence[Dose], wanted: float | None, reach: Reach) -> Chosen:
    method = reach.dose.method
    if wanted is None or asked.dials[method] is None:
        return Chosen(reach.dose, matched=wanted is not None and asked.wanted == method)
    effects = [_mean(runs.effects(CALIBRATION, dose)) for dose in doses]
    strength = strength_for(wanted, [dose.strength for dose in doses], effects)
    return Chosen(reach.dose, False) if strength is None else Chosen(Dose(method, strength), True)


def _curve(asked: Tradeoff, runs: Runs, doses: Sequence[Dose], chosen: Chosen, reach: Reach) -> Curve:
    seed, dial = asked.base.seed, asked.dials[chosen.dose.method]
    effects = np.stack([runs.effects(CALIBRATION, dose) for dose in doses])
    turned = dial is not None and not np.isnan(effects).any()
    return Curve(
        dial=dial,
        points=[_point(asked, runs, dose, CALIBRATION) for dose in doses],
        reach=_written(reach.effect),
        area=_written(area([_share(asked, dose) for dose in doses], effects, seed)) if turned else None,
        monotonicity=_written(monotonicity(effects, seed)) if turned else None,
        measured=_point(asked, runs, chosen.dose, TEST),
        matched=chosen.matched,
    )


def _point(asked: Tradeoff, runs: Runs, dose: Dose, part: Part) -> Point:
    """A dose, its effect and side cost on one part of the questions."""
    return Point(
        strength=dose.strength,
        dose=_share(asked, dose),
        effect=_written(estimate(runs.effects(part, dose), asked.base.seed)),
        prices={
            cost: _written(estimate(runs.prices(source, dose), asked.base.seed))
            for cost, source in _sources(asked, runs, part).items()
        },
        runs=runs.folders(dose),
        flags=runs.flags([part, *asked.costs], dose),
    )


def _sources(asked: Tradeoff, runs: Runs, part: str) -> dict[str, str]:
    """By cost, where its price is read."""
    names = costs_of(asked, runs)
    return dict(zip(names, [part, *asked.costs] if len(names) > len(asked.costs) else asked.costs, strict=True))


def _differences(asked: Tradeoff, runs: Runs, matched: Sequence[Dose]) -> list[Difference]:
    """Every pair of methods at the common effect, cost by cost, with Holm's correction over all of them."""
    paired = [
        (cost, one, two, runs.prices(source, one) - runs.prices(source, two))
        for cost, source in _sources(asked, runs, TEST).items()
        for one, two in combinations(matched, 2)
    ]
    p_values = [sign_flip_test(known(found), np.random.default_rng(asked.base.seed)) for *_, found in paired]
    return [
        Difference(
            cost=cost,
            first=one.method,
            second=two.method,
            difference=_written(estimate(found, asked.base.seed)),
            p=p,
            p_holm=adjusted,
        )
        for (cost, one, two, found), p, adjusted in zip(paired, p_values, holm(p_values), strict=True)
    ]


def _front(curves: dict[str, Curve], cost: str) -> list[tuple[str, float]]:
    """The doses that no other beats on the calibration questions, the unsteered model among them."""
    points = [(PLAIN, 0.0, 0.0)] + [
        (Dose(method, point.strength), point.effect.value, point.prices[cost].value)
        for method, curve in curves.items()
        for point in curve.points
    ]
    drawn = [(dose, effect, price) for dose, effect, price in points if effect is not None and price is not None]
    return [
        (drawn[place][0].method, drawn[place][0].strength)
        for place in front([(effect, price) for _, effect, price in drawn])
    ]


def _share(asked: Tradeoff, dose: Dose) -> float:
    dial = asked.dials[dose.method]
    return dose.strength / dial[1] if dial else 1.0


def known(values: Array) -> Array:
    return np.asarray(values[~np.isnan(values)])


def _mean(effects: Array) -> float:
    return float(effects.mean()) if not np.isnan(effects).any() else -np.inf


def _written(metric: contracts.Metric) -> Metric:
    return metrics({"": metric})[""]


def _digest(runs: Runs) -> str:
    told = json.dumps([[source, *dose, made.result.digest] for (source, dose), made in runs.made.items()])
    return hashlib.sha256(told.encode()).hexdigest()[:10]
