"""What a trade-off finds: strengths of a common effect, prices there, differences and fronts, from answers alone."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from steerbench import contracts
from steerbench.results import Metric, metrics
from steerbench.statistics import holm, mean_estimate, sign_flip_test
from steerbench.tradeoff.asked import Part
from steerbench.tradeoff.curves import area, common_effect, front, monotonicity, strength_for
from steerbench.tradeoff.evidence import CALIBRATION, PLAIN, TEST, Array, Dose, Evidence
from steerbench.tradeoff.result import Curve, Difference, Point, TradeoffResult


@dataclass(frozen=True)
class Terms:
    """What the numbers follow from besides the answers.

    `side_cost` is what the effect task calls its own; `costs` are the tasks that measure one. `dials` and `strengths`
    are by method, in the order of the table. `wanted` is the effect that was asked for (see `Tradeoff`).
    """

    effect_task: str
    targets: Sequence[str]
    side_cost: str
    costs: Sequence[str]
    dials: Mapping[str, tuple[float, float] | None]
    strengths: Mapping[str, Sequence[float]]
    wanted: float | str | None
    seed: int

    @cached_property
    def doses(self) -> dict[str, list[Dose]]:
        """By method, the doses of its curve."""
        return {method: [Dose(method, s) for s in strengths] for method, strengths in self.strengths.items()}

    def share(self, dose: Dose) -> float:
        dial = self.dials[dose.method]
        return dose.strength / dial[1] if dial else 1.0


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


@dataclass(frozen=True)
class Choice:
    """What the curves lead to: how far each method reaches, the common effect, and where each method is measured."""

    reached: Mapping[str, Reach]
    wanted: float | None
    chosen: Mapping[str, Chosen]

    @property
    def doses(self) -> list[Dose]:
        return [one.dose for one in self.chosen.values()]


def choose(terms: Terms, evidence: Evidence) -> Choice:
    """Of every method the strength to be measured at, from calibration answers at all its doses."""
    reached = {method: _reach(evidence, doses, terms.seed) for method, doses in terms.doses.items()}
    wanted = _wanted(terms, reached)
    return Choice(reached, wanted, {method: _chosen(terms, evidence, wanted, reached[method]) for method in reached})


def conclude(terms: Terms, evidence: Evidence) -> TradeoffResult:
    """All that a trade-off says, from the answers of all its runs.

    Raises:
        KeyError: a run is not among them: it is named by its source and dose.
    """
    choice = choose(terms, evidence)
    costs = _sources(terms, evidence, TEST)
    curves = {method: _curve(terms, evidence, choice, method) for method in terms.doses}
    return TradeoffResult(
        effect_task=terms.effect_task,
        targets=list(terms.targets),
        costs=list(costs),
        asked_for=terms.wanted,
        wanted=choice.wanted,
        unsteered=evidence.runs(PLAIN),
        curves=curves,
        differences=_differences(terms, evidence, [one.dose for one in choice.chosen.values() if one.matched]),
        fronts={cost: _front(curves, cost) for cost in costs},
    )


def name_of(result: TradeoffResult, evidence: Evidence) -> str:
    """Task, methods and a hash over its runs, in the order in which they are made."""
    told = json.dumps([[source, *dose, one.digest] for (source, dose), one in evidence.told.items()])
    methods = "-".join(result.curves)[:60].rstrip("-+")
    return f"{result.effect_task}-{methods}-{hashlib.sha256(told.encode()).hexdigest()[:10]}"


def estimate(values: Array, seed: int) -> contracts.Metric:
    """Mean over items with its interval; nan if there is nothing to take it of."""
    if np.isnan(values).all():
        return contracts.Metric(float("nan"))
    return mean_estimate(values)


def _reach(evidence: Evidence, doses: Sequence[Dose], seed: int) -> Reach:
    best = max(doses, key=lambda dose: _mean(evidence.effects(CALIBRATION, dose)))
    return Reach(best, estimate(evidence.effects(CALIBRATION, best), seed))


def _wanted(terms: Terms, reached: Mapping[str, Reach]) -> float | None:
    """The effect at which costs are compared, None if there is none above 0."""
    if isinstance(terms.wanted, str):
        own = reached[terms.wanted].effect.value
        return own if own > 0 else None
    if terms.wanted is not None:
        return terms.wanted
    return common_effect([reach.effect for method, reach in reached.items() if terms.dials[method]])


def _chosen(terms: Terms, evidence: Evidence, wanted: float | None, reach: Reach) -> Chosen:
    method = reach.dose.method
    if wanted is None or terms.dials[method] is None:
        return Chosen(reach.dose, matched=wanted is not None and terms.wanted == method)
    effects = [_mean(evidence.effects(CALIBRATION, dose)) for dose in terms.doses[method]]
    strength = strength_for(wanted, terms.strengths[method], effects)
    return Chosen(reach.dose, False) if strength is None else Chosen(Dose(method, strength), True)


def _curve(terms: Terms, evidence: Evidence, choice: Choice, method: str) -> Curve:
    doses, dial, chosen = terms.doses[method], terms.dials[method], choice.chosen[method]
    effects = np.stack([evidence.effects(CALIBRATION, dose) for dose in doses])
    turned = dial is not None and not np.isnan(effects).any()
    shares = [terms.share(dose) for dose in doses]
    return Curve(
        dial=dial,
        points=[_point(terms, evidence, dose, CALIBRATION) for dose in doses],
        reach=_written(choice.reached[method].effect),
        area=_written(area(shares, effects, terms.seed)) if turned else None,
        monotonicity=_written(monotonicity(effects, terms.seed)) if turned else None,
        measured=_point(terms, evidence, chosen.dose, TEST),
        matched=chosen.matched,
    )


def _point(terms: Terms, evidence: Evidence, dose: Dose, part: Part) -> Point:
    """A dose, its effect and side cost on one part of the questions."""
    return Point(
        strength=dose.strength,
        dose=terms.share(dose),
        effect=_written(estimate(evidence.effects(part, dose), terms.seed)),
        prices={
            cost: _written(estimate(evidence.prices(source, dose), terms.seed))
            for cost, source in _sources(terms, evidence, part).items()
        },
        runs=evidence.runs(dose),
        flags=evidence.flags([part, *terms.costs], dose),
    )


def _sources(terms: Terms, evidence: Evidence, part: Part) -> dict[str, str]:
    """By cost, where its price is read: the effect task's own side cost first, then the tasks that measure one."""
    own = {terms.side_cost: str(part)} if evidence.has_side_cost() else {}
    return own | {task: task for task in terms.costs}


def _differences(terms: Terms, evidence: Evidence, matched: Sequence[Dose]) -> list[Difference]:
    """Every pair of methods at the common effect, cost by cost, with Holm's correction over all of them."""
    paired = [
        (cost, one, two, evidence.prices(source, one) - evidence.prices(source, two))
        for cost, source in _sources(terms, evidence, TEST).items()
        for one, two in combinations(matched, 2)
    ]
    p_values = [sign_flip_test(known(found), np.random.default_rng(terms.seed)) for *_, found in paired]
    return [
        Difference(
            cost=cost,
            first=one.method,
            second=two.method,
            difference=_written(estimate(found, terms.seed)),
            p=p,
            p_holm=adjusted,
        )
        for (cost, one, two, found), p, adjusted in zip(paired, p_values, holm(p_values), strict=True)
    ]


def _front(curves: Mapping[str, Curve], cost: str) -> list[tuple[str, float]]:
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


def known(values: Array) -> Array:
    return np.asarray(values[~np.isnan(values)])


def _mean(effects: Array) -> float:
    return float(effects.mean()) if not np.isnan(effects).any() else -np.inf


def _written(metric: contracts.Metric) -> Metric:
    return metrics({"": metric})[""]
