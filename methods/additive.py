"""An additive baseline: the item's mean over other people, shifted by how far this person's trait is from theirs."""

from collections.abc import Sequence

import numpy as np

from methods.other_people import expected_ticks, others_of
from methods.trivial import NOTHING_TO_CHOOSE
from steerbench.contracts import Engine, Method
from steerbench.contracts.steering import Reply, Steering
from steerbench.contracts.targets import MIDDLE, Respondent, Target


class Additive(Method):
    """Predicts an item's keyed score as the other people's mean plus this person's deviation on the item's trait.

    The deviation is the mean, over the shown statements of the trait, of the person's score minus the others' mean.
    It is 0 for a trait without shown statements. An item that nobody else answered gets the middle of the scale.
    """

    name = "additive"
    role = "reference"
    needs_model, strengths = False, NOTHING_TO_CHOOSE

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        """Raises:
        UserError: a target is not a respondent, or has no answers of other people.
        """
        return [Steering(reply=Reply(constant=MIDDLE, by_item=self._expected(target))) for target in targets]

    def _expected(self, target: Target) -> dict[str, float]:
        others = others_of(self.name, target)
        deviations = _deviations(target) if isinstance(target, Respondent) else {}
        moved = np.array([deviations.get(item.trait, 0.0) for item in others.items])
        return expected_ticks(others.items, others.means + moved)


def _deviations(person: Respondent) -> dict[str, float]:
    """By trait, the person's mean difference from other people over the shown statements."""
    others = others_of(Additive.name, person)
    by_trait: dict[str, list[float]] = {}
    for answer in person.shown:
        usual = others.means[others.column[answer.item.id]]
        if not np.isnan(usual):
            by_trait.setdefault(answer.item.trait, []).append(answer.item.keyed(answer.tick) - usual)
    return {trait: float(np.mean(found)) for trait, found in by_trait.items()}
