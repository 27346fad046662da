"""Set a coordinate to a value: clamping of features, with a sparse autoencoder's rows or without one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.edits.checks import flag_faults, number_faults, row_faults
from steerbench.contracts.edits.form import Form, affine
from steerbench.contracts.edits.gates import Gate
from steerbench.contracts.edits.places import EVERYWHERE, Positions, Site, Vector
from steerbench.contracts.edits.redrawing import same_angles


@dataclass(frozen=True, eq=False)
class Clamp:
    """Set the coordinate that `reader` [dim] reads to `strength * value`, by moving along `writer` [dim].

    The coordinate is `reader @ x + bias`; a sparse autoencoder's feature (`rectified`) is 0 where that is negative. Its
    encoder's row and bias are the reader, its decoder's row the writer (Templeton et al. 2024). Without one, the same
    direction of length 1 reads and writes (`along`).
    """

    site: Site
    layer: int
    reader: Vector
    writer: Vector
    value: float
    bias: float = 0.0
    rectified: bool = False
    positions: Positions = EVERYWHERE
    strength: float = 1.0
    gates: tuple[Gate, ...] = ()

    done: ClassVar[str] = "clamped"

    @classmethod
    def along(cls, site: Site, layer: int, direction: Vector, value: float) -> "Clamp":
        """Sets the scalar product with `direction`, made of length 1, to `value`."""
        unit = (direction / np.linalg.norm(direction)).astype(np.float32)
        return cls(site, layer, unit, unit, value)

    def scaled(self, strength: float) -> "Clamp":
        return replace(self, strength=self.strength * strength)

    def apply(self, x: Vector, position: int) -> Vector:
        coordinate = float(self.reader @ x) + self.bias
        if self.rectified:
            coordinate = max(coordinate, 0.0)
        return x + np.float32(self.strength * self.value - coordinate) * self.writer

    def form(self) -> Form:
        read, write, bias = self.reader[None], self.writer[None], np.array([self.bias], np.float32)
        value = np.array([self.strength * self.value], np.float32)
        if self.rectified:
            return Form(read, bias, write, value, "rectified")
        return affine(read, -write, bias - value)

    def redrawn(self, heads: int, random: np.random.Generator) -> "Clamp":
        """The same along random directions, with the angle between the two."""
        reader, writer = same_angles([self.reader[None], self.writer[None]], random)
        return replace(self, reader=reader[0], writer=writer[0])

    @classmethod
    def smallest(cls, site: Site, layer: int, positions: Positions) -> "Clamp":
        """A sound one at this place, as small as can be."""
        return replace(cls.along(site, layer, np.ones(1, np.float32), 1.0), positions=positions)

    def changed(self) -> tuple[NDArray[np.int64], int]:
        """Which coordinates of the site it may change, and how many the site has at least."""
        return np.flatnonzero(self.writer), len(self.writer)

    def faults(self, where: str) -> Iterator[str]:
        yield from row_faults(self.reader, "reader", where)
        yield from row_faults(self.writer, "writer", where)
        if self.reader.shape != self.writer.shape:
            yield f"reads {len(self.reader)} and writes {len(self.writer)} numbers {where}; these must be equal"
        yield from number_faults(self.value, "a value", where)
        yield from number_faults(self.bias, "a bias", where)
        yield from flag_faults(self.rectified, "rectified", where)

    def misfit(self, dim: int) -> str:
        return f"clamps a direction of {len(self.writer)} numbers" if len(self.writer) != dim else ""
