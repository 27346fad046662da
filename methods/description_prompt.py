"""Control for tasks of poles: a person of the pole describes themselves in the system prompt."""

from collections.abc import Sequence

from steerbench import bank
from steerbench.contracts import Engine
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import Target, TraitPole
from steerbench.errors import UserError

PERSONA = "You are the person who says this of themselves, and you answer as they would:\n\n{0}"


class DescriptionPrompt:
    """The embedded bank's first description of each pole: what a model that can follow any prompt should follow."""

    name = "description-prompt"
    needs_model, strengths = True, (1.0, 1.0)

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        """Raises:
        UserError: a target is no pole of the Big Five.
        """
        return [Steering(prompt=PromptChange(PERSONA.format(_description(target)))) for target in targets]


def _description(target: Target) -> str:
    found = bank.descriptions(target.trait, target.high) if isinstance(target, TraitPole) else ()
    if not found:
        raise UserError(f"description-prompt has none of '{target.id}', only those of the Big Five's poles.")
    return found[0]
