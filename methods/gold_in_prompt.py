"""A control for tasks with correct answers: the prompt contains the correct answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from steerbench.contracts import Engine, Method
from steerbench.contracts.steering import UNSTEERED, PromptChange, Steering
from steerbench.contracts.targets import Item, Target

TOLD = "The right answer to the question is {0}. Give this answer."


class GoldInPrompt(Method):
    """Gives the correct answer before the problem; errors that remain are errors of reading. A control, no method."""

    name = "gold-in-prompt"
    role = "control"
    needs_model, strengths = True, (1.0, 1.0)

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        """No edits: `reveal` makes the prompts once the answers are known."""
        return [UNSTEERED] * len(targets)

    def reveal(self, targets: Sequence[Target], answers: Mapping[str, Mapping[Item, Any]]) -> Sequence[Steering]:
        """For each target, a sentence with the correct answer before each problem."""
        return [
            Steering(by_item={item.id: PromptChange(TOLD.format(gold)) for item, gold in answers[target.id].items()})
            for target in targets
        ]
