"""Chooses the strength at which each method is measured: its largest effect, the common effect, and where it has
that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from steerbench.contracts import Metric
from steerbench.studies.tradeoff.curves import common_effect, strength_for
from steerbench.studies.tradeoff.evidence import CALIBRATION, Array, Dose, Evidence
from steerbench.studies.tradeoff.reach import reach


@dataclass(frozen=True)
class Terms:
    """Everything but the answers that a trade-off's numbers depend on.

    `side_cost` is the effect task's name for its own cost; `costs` are the tasks that measure costs. `dials` and
    `strengths` are by method, in the order of the table. `wanted` is the effect that was asked for (see `Tradeoff`).
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
class ChosenDose:
    """The dose at which a method's costs are compared, and whether its effect there is the common one."""

    dose: Dose
    matched: bool


@dataclass(frozen=True)
class LargestEffect:
    """A method's dose with the largest mean effect, and that effect."""

    dose: Dose
    effect: Metric


@dataclass(frozen=True)
class DoseChoices:
    """The result of the curves: each method's largest effect, the common effect, and the dose where each is
    measured."""

    reached: Mapping[str, LargestEffect]
    wanted: float | None
    chosen: Mapping[str, ChosenDose]

    @property
    def doses(self) -> list[Dose]:
        return [one.dose for one in self.chosen.values()]

    @property
    def matched(self) -> list[Dose]:
        return [one.dose for one in self.chosen.values() if one.matched]


def choose(terms: Terms, evidence: Evidence) -> DoseChoices:
    """Chooses each method's strength from the calibration answers at all its doses."""
    curves = {method: effects_of(evidence, doses) for method, doses in terms.doses.items()}
    reached = {method: _reach(terms.doses[method], curve, terms.seed) for method, curve in curves.items()}
    wanted = _wanted(terms, reached)
    return DoseChoices(reached, wanted, {m: _chosen(terms, curve, wanted, reached[m]) for m, curve in curves.items()})


def effects_of(evidence: Evidence, doses: Sequence[Dose]) -> Array:
    """[doses, questions]: effects on calibration questions."""
    return np.stack([evidence.effects(CALIBRATION, dose) for dose in doses])


def _reach(doses: Sequence[Dose], curve: Array, seed: int) -> LargestEffect:
    """A method's largest effect. If the effects have no value (no answer was readable), that is so at every dose."""
    if np.isnan(curve).any():
        return LargestEffect(doses[0], Metric(float("nan")))
    best, effect = reach(curve, seed)
    return LargestEffect(doses[best], effect)


def _wanted(terms: Terms, reached: Mapping[str, LargestEffect]) -> float | None:
    """The effect at which costs are compared; None if there is none above 0."""
    if isinstance(terms.wanted, str):
        own = reached[terms.wanted].effect.value
        return own if own > 0 else None
    if terms.wanted is not None:
        return terms.wanted
    return common_effect([reach.effect for method, reach in reached.items() if terms.dials[method]])


def _chosen(terms: Terms, curve: Array, wanted: float | None, reach: LargestEffect) -> ChosenDose:
    method = reach.dose.method
    if wanted is None or terms.dials[method] is None:
        return ChosenDose(reach.dose, matched=wanted is not None and terms.wanted == method)
    strength = strength_for(wanted, terms.strengths[method], curve.mean(axis=1))
    return ChosenDose(reach.dose, False) if strength is None else ChosenDose(Dose(method, strength), True)
