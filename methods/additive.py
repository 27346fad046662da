"""What other people answer, moved by how far this person's trait is from theirs. Nothing is trained."""

from collections.abc import Sequence

import numpy as np

from methods.other_people import expected_ticks, others_of
from methods.trivial import NOTHING_TO_CHOOSE
from steerbench.contracts import Engine
from steerbench.contracts.steering import Reply, Steering
from steerbench.contracts.targets import MIDDLE, Respondent, Target


class Additive:
    """Expects of an item the mean score of others plus the person's own deviation on the item's trait.

    The deviation is the mean over the shown statements of the trait of the person's score less that of others; of a
    trait of which nothing is shown it is 0. An item that nobody else answered is answered with the middle.
    """

    name = "additive"
    needs_model, strengths = False, NOTHING_TO_CHOOSE

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        """Raises:
        UserError: a target is no respondent, or comes without the answers of others.
        """
        return [Steering(reply=Reply(constant=MIDDLE, by_item=self._expected(target))) for target in targets]

    def _expected(self, target: Target) -> dict[str, float]:
        others = others_of(self.name, target)
        deviations = _deviations(target) if isinstance(target, Respondent) else {}
        moved = np.array([deviations.get(item.trait, 0.0) for item in others.items])
        return expected_ticks(others.items, others.means + moved)


def _deviations(person: Respondent) -> dict[str, float]:
    """By trait, how much higher than others the person scores on what is shown of it."""
    others = others_of(Additive.name, person)
    by_trait: dict[str, list[float]] = {}
    for answer in person.shown:
        usual = others.means[others.column[answer.item.id]]
        if not np.isnan(usual):
            by_trait.setdefault(answer.item.trait, []).append(answer.item.keyed(answer.tick) - usual)
    return {trait: float(np.mean(found)) for trait, found in by_trait.items()}
