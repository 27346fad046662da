"""Where an edit acts: a site of a layer, and tokens of a sequence."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Site = Literal["head_out", "mlp_act", "resid"]
"""All heads' outputs before their projection, the FFN's neurons after the activation function, the residual stream."""

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Positions:
    """Which tokens of a sequence an edit acts on.

    `all` of them, the first `front` tokens of the prompt (all of it if it has fewer), or only those after the
    prompt (`decode`: generated tokens, and the tokens of an option whose likelihood is asked).
    """

    kind: Literal["all", "front", "decode"] = "all"
    front: int = 0

    def __str__(self) -> str:
        return f"front-{self.front}" if self.kind == "front" else self.kind

    def hold(self, position: int, after: int) -> bool:
        """Whether a token is among them: `position` counts from 0, `after` is 1 for the first one after the prompt."""
        if self.kind == "front":
            return position < self.front and not after
        return self.kind == "all" or after > 0


EVERYWHERE = Positions()
