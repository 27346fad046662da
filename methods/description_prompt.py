"""A control for tasks with poles: the system prompt is a self-description of a person at the pole."""

from collections.abc import Sequence

from steerbench import bank
from steerbench.contracts import Engine, Method
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import Target, TraitPole
from steerbench.errors import UserError

PERSONA = "You are the person who says this of themselves, and you answer as they would:\n\n{0}"


class DescriptionPrompt(Method):
    """Uses the first description of the pole in the embedded bank. A model that follows any prompt should follow it."""

    name = "description-prompt"
    role = "control"
    needs_model, strengths = True, (1.0, 1.0)

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        """Raises:
        UserError: a target is not a pole of the Big Five.
        """
        return [Steering(prompt=PromptChange(PERSONA.format(_description(target)))) for target in targets]


def _description(target: Target) -> str:
    found = bank.descriptions(target.trait, target.high) if isinstance(target, TraitPole) else ()
    if not found:
        raise UserError(f"description-prompt has no description of '{target.id}', only of the poles of the Big Five.")
    return found[0]
