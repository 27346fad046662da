"""Take directions out: directional ablation (Arditi et al. 2024, section 2.4), in part or more than whole."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.edits.checks import orthonormal_faults, rows_faults
from steerbench.contracts.edits.form import Form, affine
from steerbench.contracts.edits.gates import Gate
from steerbench.contracts.edits.places import EVERYWHERE, Positions, Site, Vector
from steerbench.contracts.edits.redrawing import same_angles


@dataclass(frozen=True, eq=False)
class Project:
    """Scale the component along `directions` [k, dim] (orthonormal) to 1 - `strength` of what it was.

    1 removes it, 0.5 halves it, -1 doubles it.
    """

    site: Site
    layer: int
    directions: Vector
    positions: Positions = EVERYWHERE
    strength: float = 1.0
    gates: tuple[Gate, ...] = ()

    done: ClassVar[str] = "rid of directions"

    def scaled(self, strength: float) -> "Project":
        return replace(self, strength=self.strength * strength)

    def apply(self, x: Vector, position: int) -> Vector:
        edited = x
        for direction in self.directions:
            edited = edited - np.float32(self.strength) * (x @ direction) * direction
        return edited

    def form(self) -> Form:
        return affine(self.directions, np.float32(-self.strength) * self.directions)

    def redrawn(self, heads: int, random: np.random.Generator) -> "Project":
        """The same with random directions."""
        (directions,) = same_angles([self.directions], random)
        return replace(self, directions=directions)

    @classmethod
    def smallest(cls, site: Site, layer: int, positions: Positions) -> "Project":
        """A sound one at this place, as small as can be."""
        return cls(site, layer, np.ones((1, 1), np.float32), positions)

    def changed(self) -> tuple[NDArray[np.int64], int]:
        """Which coordinates of the site it may change, and how many the site has at least."""
        return np.flatnonzero(self.directions.any(axis=0)), self.directions.shape[1]

    def faults(self, where: str) -> Iterator[str]:
        yield from rows_faults(self.directions, "directions", where)
        yield from orthonormal_faults(self.directions, "directions", where)

    def misfit(self, dim: int) -> str:
        given = self.directions.shape[-1]
        return f"projects out directions of {given} numbers" if given != dim else ""
