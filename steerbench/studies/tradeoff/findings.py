"""A trade-off's findings from its answers alone: matched strengths, prices there, differences and fronts."""

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from steerbench import contracts
from steerbench.records.results import MetricRecord, metrics
from steerbench.statistics import mean_estimate
from steerbench.studies.tradeoff.asked import Part
from steerbench.studies.tradeoff.choosing import Terms, choose, effects_of
from steerbench.studies.tradeoff.comparisons import Matching, differences
from steerbench.studies.tradeoff.curves import area, front, monotonicity
from steerbench.studies.tradeoff.evidence import CALIBRATION, PLAIN, TEST, Array, Dose, Evidence
from steerbench.studies.tradeoff.reach import shrinkage
from steerbench.studies.tradeoff.result import Curve, TradeoffPoint, TradeoffResult


def conclude(terms: Terms, evidence: Evidence) -> TradeoffResult:
    """The result of a trade-off from the answers of all its runs.

    Raises:
        KeyError: a run is missing; the key is its source and dose.
    """
    choice = choose(terms, evidence)
    costs = _sources(terms, evidence, TEST)
    matching = Matching(terms, evidence, choice)
    curves = {method: _curve(matching, method) for method in terms.doses}
    return TradeoffResult(
        effect_task=terms.effect_task,
        targets=list(terms.targets),
        costs=list(costs),
        asked_for=terms.wanted,
        wanted=choice.wanted,
        unsteered=evidence.runs(PLAIN),
        curves=curves,
        differences=differences(matching, costs),
        fronts={cost: _front(curves, cost) for cost in costs},
    )


def name_of(result: TradeoffResult, evidence: Evidence) -> str:
    """Task, methods and a hash of the runs in the order in which they are made."""
    told = json.dumps([[source, *dose, one.digest] for (source, dose), one in evidence.told.items()])
    methods = "-".join(result.curves)[:60].rstrip("-+")
    return f"{result.effect_task}-{methods}-{hashlib.sha256(told.encode()).hexdigest()[:10]}"


def estimate(values: Array) -> contracts.Metric:
    """Mean over items with its interval; nan if there is no value."""
    if np.isnan(values).all():
        return contracts.Metric(float("nan"))
    return mean_estimate(values)


def _curve(matching: Matching, method: str) -> Curve:
    terms, evidence, choice = matching.terms, matching.evidence, matching.choice
    doses, dial, chosen = terms.doses[method], terms.dials[method], choice.chosen[method]
    effects = effects_of(evidence, doses)
    turned = dial is not None and not np.isnan(effects).any()
    shares = [terms.share(dose) for dose in doses]
    luck, strength = shrinkage(effects, terms.seed) if turned else None, matching.strength(method)
    return Curve(
        dial=dial,
        points=[_point(terms, evidence, dose, CALIBRATION) for dose in doses],
        reach=_written(choice.reached[method].effect),
        shrinkage=_written(luck) if luck else None,
        area=_written(area(shares, effects)) if turned else None,
        monotonicity=_written(monotonicity(effects, terms.seed)) if turned else None,
        measured=_point(terms, evidence, chosen.dose, TEST),
        matched=chosen.matched,
        strength=_written(strength) if strength else None,
        unreached=matching.unreached(method),
    )


def _point(terms: Terms, evidence: Evidence, dose: Dose, part: Part) -> TradeoffPoint:
    """A dose with its effect and costs on one part of the questions."""
    return TradeoffPoint(
        strength=dose.strength,
        dose=terms.share(dose),
        effect=_written(estimate(evidence.effects(part, dose))),
        prices={
            cost: _written(estimate(evidence.prices(source, dose)))
            for cost, source in _sources(terms, evidence, part).items()
        },
        runs=evidence.runs(dose),
        flags=[*evidence.flags([part, *terms.costs], dose)],
    )


def _sources(terms: Terms, evidence: Evidence, part: Part) -> dict[str, str]:
    """By cost, where its price is read: the effect task's own side cost first, then the tasks that measure costs."""
    own = {terms.side_cost: str(part)} if evidence.has_side_cost() else {}
    return own | {task: task for task in terms.costs}


def _front(curves: Mapping[str, Curve], cost: str) -> list[tuple[str, float]]:
    """The doses that are undominated on calibration questions, including the unsteered model."""
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


def _written(metric: contracts.Metric) -> MetricRecord:
    return metrics({"": metric})[""]
