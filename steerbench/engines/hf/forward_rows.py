"""What edits need to know about the tokens that are passing through the model."""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class ForwardRows:
    """The rows that are passing through the model. The forward pass sets these before each stage.

    `steering` [rows] is each row's line in the tables. `positions` [rows, length] are the tokens' positions in their
    own sequences, and `after` [rows, length] counts tokens behind the prompt (0 in the prompt, 1 for the first one
    behind it). `own` is true for requests' own tokens and false for shared prefixes. `cosines` has, for each layer that
    gates look at, the cosines [rows, length, conditions] of the tokens' states with the gates' condition vectors.
    """

    own: bool = False
    steering: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))
    positions: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.long))
    after: Tensor = field(default_factory=lambda: torch.zeros(0, 0, dtype=torch.long))
    cosines: dict[int, Tensor] = field(default_factory=dict)

    @property
    def decode(self) -> Tensor:
        """[rows, length]: whether tokens come after the prompt."""
        return self.after > 0
