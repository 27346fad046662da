"""Add a vector: activation addition, head shifts, difference of means."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.edits.checks import array_faults, shaped
from steerbench.contracts.edits.gates import Gate
from steerbench.contracts.edits.places import EVERYWHERE, Positions, Site, Vector
from steerbench.contracts.edits.redrawing import same_norms


@dataclass(frozen=True, eq=False)
class Add:
    """Add `strength * vector` at a site.

    `vector` is [dim], or [front, dim] with one row for each of the first positions (only for `front`).
    At `head_out` dim runs over all heads of the layer, zero where a head is left alone.
    """

    site: Site
    layer: int
    vector: Vector
    positions: Positions = EVERYWHERE
    strength: float = 1.0
    gates: tuple[Gate, ...] = ()

    done: ClassVar[str] = "added to"

    def scaled(self, strength: float) -> "Add":
        return replace(self, strength=self.strength * strength)

    def apply(self, x: Vector, position: int) -> Vector:
        vector = self.vector if self.vector.ndim == 1 else self.vector[position]
        return x + np.float32(self.strength) * vector

    def redrawn(self, heads: int, random: np.random.Generator) -> "Add":
        """The same in a random direction; at `head_out` of the same norm in each of so many heads."""
        return replace(self, vector=same_norms(self.vector, heads if self.site == "head_out" else 1, random))

    @classmethod
    def smallest(cls, site: Site, layer: int, positions: Positions) -> "Add":
        """A sound one at this place, as small as can be."""
        return cls(site, layer, np.ones(1, np.float32), positions)

    def changed(self) -> tuple[NDArray[np.int64], int]:
        """Which coordinates of the site it may change, and how many the site has at least."""
        rows = np.atleast_2d(self.vector * self.strength)
        return np.flatnonzero(rows.any(axis=0)), rows.shape[1]

    def faults(self, where: str) -> Iterator[str]:
        yield from array_faults(self.vector, np.float32, f"as the vector {where}")
        rows = self.vector.shape[:-1]
        if self.vector.ndim == 0 or rows not in ((), (self.positions.front,)) or self.vector.size == 0:
            yield (
                f"adds a {shaped(self.vector)} array {where} to positions {self.positions}; it takes one row, or one "
                "row for each of the front positions"
            )
        if not np.isfinite(self.vector).all():
            yield f"adds numbers {where} that are infinite or nan"

    def misfit(self, dim: int) -> str:
        given = self.vector.shape[-1]
        return f"adds {given} numbers" if given != dim else ""
