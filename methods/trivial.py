"""Trivial baselines that use no steering. A method is of use only if it beats them."""

from collections.abc import Sequence

import numpy as np

from methods.other_people import others_of
from steerbench.contracts import Engine, Method
from steerbench.contracts.steering import UNSTEERED, Reply, Steering
from steerbench.contracts.targets import MIDDLE, Target
from steerbench.toolkit.trait_answers import shown_answers, trait_scores

NOTHING_TO_CHOOSE = (1.0, 1.0)


class Always1(Method):
    """Answers "Very Inaccurate" to everything."""

    name, tick = "always-1", 1.0
    role = "constant"
    needs_model, strengths = False, NOTHING_TO_CHOOSE

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering(reply=Reply(constant=self.tick))] * len(targets)


class Always2(Always1):
    """Answers "Moderately Inaccurate" to everything."""

    name, tick = "always-2", 2.0


class Always3(Always1):
    """Answers "Neither Accurate Nor Inaccurate" to everything."""

    name, tick = "always-3", 3.0


class Always4(Always1):
    """Answers "Moderately Accurate" to everything."""

    name, tick = "always-4", 4.0


class Always5(Always1):
    """Answers "Very Accurate" to everything."""

    name, tick = "always-5", 5.0


class TraitMean(Method):
    """Answers with the person's own mean score on the item's trait, rounded.

    A mean halfway between two scores is rounded to the even one; unlike rounding up, this treats items keyed +1
    and -1 alike. A trait without shown statements is answered with the middle.
    """

    name = "trait-mean"
    role = "reference"
    needs_model, strengths = False, NOTHING_TO_CHOOSE

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering(reply=Reply(constant=MIDDLE, by_trait=_rounded_scores(target))) for target in targets]


class FacetMean(Method):
    """Answers with the person's own mean score on the item's facet, rounded like `trait-mean`.

    Without shown statements of the facet, an item is answered like `trait-mean`.
    """

    name = "facet-mean"
    role = "reference"
    needs_model, strengths = False, NOTHING_TO_CHOOSE

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        return [
            Steering(
                reply=Reply(constant=MIDDLE, by_trait=_rounded_scores(target), by_facet=_rounded_facet_scores(target))
            )
            for target in targets
        ]


class ItemMedian(Method):
    """Answers with the median answer of other people, and uses nothing of this person.

    An item that nobody else answered is answered with the middle.
    """

    name = "item-median"
    role = "constant"
    needs_model, strengths = False, NOTHING_TO_CHOOSE

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        """Raises:
        UserError: a target is not a respondent, or has no answers of other people.
        """
        known = [others_of(self.name, target) for target in targets]
        return [Steering(reply=Reply(constant=MIDDLE, by_item=others.medians)) for others in known]


class Unsteered(Method):
    """The model without steering."""

    name, changes_nothing = "unsteered", True
    role = "unsteered"
    needs_model, strengths = True, NOTHING_TO_CHOOSE

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        return [UNSTEERED] * len(targets)


def _rounded_scores(target: Target) -> dict[str, float]:
    return {trait: float(np.round(score)) for trait, score in trait_scores(target).items()}


def _rounded_facet_scores(target: Target) -> dict[str, float]:
    by_facet: dict[str, list[float]] = {}
    for answer in shown_answers(target):
        if answer.item.facet:
            by_facet.setdefault(answer.item.facet, []).append(answer.item.keyed(answer.tick))
    return {facet: float(np.round(np.mean(scores))) for facet, scores in by_facet.items()}
