"""Turn within a plane, lengths kept: angular steering (Vu and Nguyen 2025)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.edits.checks import is_number, orthonormal_faults, rows_faults
from steerbench.contracts.edits.form import Form, affine
from steerbench.contracts.edits.gates import Gate
from steerbench.contracts.edits.places import EVERYWHERE, Positions, Site, Vector
from steerbench.contracts.edits.redrawing import same_angles


@dataclass(frozen=True, eq=False)
class Rotate:
    """Turn the component in a plane by `strength * angle` radians, from its first direction towards its second.

    `plane` [2, dim] is orthonormal. With `turn="to"` the component is turned to that angle from the first direction,
    wherever it pointed before, as angular steering does; it keeps its length, and so does the state.
    """

    site: Site
    layer: int
    plane: Vector
    angle: float
    turn: Literal["by", "to"] = "by"
    positions: Positions = EVERYWHERE
    strength: float = 1.0
    gates: tuple[Gate, ...] = ()

    done: ClassVar[str] = "turned"

    def scaled(self, strength: float) -> "Rotate":
        return replace(self, strength=self.strength * strength)

    def apply(self, x: Vector, position: int) -> Vector:
        first, second = self.plane
        along, across, angle = x @ first, x @ second, self.strength * self.angle
        rest = x - along * first - across * second
        length, now = np.hypot(along, across), np.arctan2(across, along)
        then = angle if self.turn == "to" else now + angle
        turned: Vector = rest + np.float32(length * np.cos(then)) * first + np.float32(length * np.sin(then)) * second
        return turned

    def form(self) -> Form:
        angle = self.strength * self.angle
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        if self.turn == "to":
            return Form(self.plane, np.zeros(2, np.float32), self.plane, np.array([cos, sin]), "polar")
        change = np.array([[cos - 1, sin], [-sin, cos - 1]], np.float32)
        return affine(self.plane, change @ self.plane)

    def redrawn(self, heads: int, random: np.random.Generator) -> "Rotate":
        """The same in a random plane."""
        (plane,) = same_angles([self.plane], random)
        return replace(self, plane=plane)

    @classmethod
    def smallest(cls, site: Site, layer: int, positions: Positions) -> "Rotate":
        """A sound one at this place, as small as can be."""
        return cls(site, layer, np.eye(2, dtype=np.float32), 1.0, positions=positions)

    def changed(self) -> tuple[NDArray[np.int64], int]:
        """Which coordinates of the site it may change, and how many the site has at least."""
        return np.flatnonzero(self.plane.any(axis=0)), self.plane.shape[1]

    def faults(self, where: str) -> Iterator[str]:
        yield from rows_faults(self.plane, "plane", where)
        if len(self.plane) != 2:
            yield f"has a plane of {len(self.plane)} directions {where}; it takes two"
        yield from orthonormal_faults(self.plane, "directions of a plane", where)
        if not is_number(self.angle):
            yield f"has an angle of {self.angle!r} {where}; it is a finite number of radians"
        if self.turn not in ("by", "to"):
            yield f"turns {self.turn!r} an angle {where}; it can turn by one or to one"

    def misfit(self, dim: int) -> str:
        given = self.plane.shape[-1]
        return f"turns in a plane of {given} numbers" if given != dim else ""
