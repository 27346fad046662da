"""Control for tasks with right answers: the right answer is given in the prompt."""

from collections.abc import Mapping, Sequence
from typing import Any

from steerbench.contracts import Engine
from steerbench.contracts.steering import UNSTEERED, PromptChange, Steering
from steerbench.contracts.targets import Item, Target

TOLD = "The right answer to the question is {0}. Give this answer."


class GoldInPrompt:
    """Tells the right answer before the problem: what is then not read as right cannot be read. No method."""

    name = "gold-in-prompt"
    needs_model, strengths = True, (1.0, 1.0)

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        """Nothing: without the answers there is nothing to tell."""
        return [UNSTEERED] * len(targets)

    def reveal(self, targets: Sequence[Target], answers: Mapping[str, Mapping[Item, Any]]) -> Sequence[Steering]:
        """For each target a sentence before each problem."""
        return [
            Steering(by_item={item.id: PromptChange(TOLD.format(gold)) for item, gold in answers[target.id].items()})
            for target in targets
        ]
