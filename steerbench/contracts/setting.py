"""What calibration chooses for a target, and how it turns a fitted steering into the one that is used."""

from dataclasses import dataclass

from steerbench.contracts.steering import Steering
from steerbench.errors import UserError


@dataclass(frozen=True)
class Setting:
    """A strength, and the number of a wording of the prompt (0 is the method's first)."""

    strength: float = 1.0
    wording: int = 0

    def apply(self, fitted: Steering) -> Steering:
        """A fitted steering of unit strength under this setting.

        Raises:
            UserError: it has no such wording.
        """
        wordings = (fitted.prompt, *fitted.alternatives)
        if not 0 <= self.wording < len(wordings):
            raise UserError(
                f"A wording was chosen that there is none of here (number {self.wording}, counted from 0, of "
                f"{len(wordings)}): the run it comes from had other parameters of the method; use the same."
            )
        return fitted.worded(wordings[self.wording]).scaled(self.strength)
