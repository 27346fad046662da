"""A learnt change of low rank: representation fine-tuning (LoReFT, Wu et al. 2024, equation 2; ReFT-r1)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.edits.checks import array_faults, rows_faults, shaped
from steerbench.contracts.edits.form import Form, affine
from steerbench.contracts.edits.gates import Gate
from steerbench.contracts.edits.places import EVERYWHERE, Positions, Site, Vector
from steerbench.contracts.edits.redrawing import same_angles


@dataclass(frozen=True, eq=False)
class LowRank:
    """Add `strength * (read @ x + bias) @ write`, with `read` and `write` [rank, dim] and `bias` [rank].

    LoReFT's h + R^T (W h + b - R h) has read = W - R, bias = b and write = R.
    """

    site: Site
    layer: int
    read: Vector
    write: Vector
    bias: Vector
    positions: Positions = EVERYWHERE
    strength: float = 1.0
    gates: tuple[Gate, ...] = ()

    done: ClassVar[str] = "changed in few directions"

    def scaled(self, strength: float) -> "LowRank":
        return replace(self, strength=self.strength * strength)

    def apply(self, x: Vector, position: int) -> Vector:
        edited = x
        for read, bias, write in zip(self.read, self.bias, self.write, strict=True):
            edited = edited + np.float32(self.strength) * (read @ x + bias) * write
        return edited

    def form(self) -> Form:
        return affine(self.read, np.float32(self.strength) * self.write, self.bias)

    def redrawn(self, heads: int, random: np.random.Generator) -> "LowRank":
        """The same with what it reads and writes put into a random subspace."""
        read, write = same_angles([self.read, self.write], random)
        return replace(self, read=read, write=write)

    @classmethod
    def smallest(cls, site: Site, layer: int, positions: Positions) -> "LowRank":
        """A sound one at this place, as small as can be."""
        one = np.ones((1, 1), np.float32)
        return cls(site, layer, one, one, one[0], positions)

    def changed(self) -> tuple[NDArray[np.int64], int]:
        """Which coordinates of the site it may change, and how many the site has at least."""
        return np.flatnonzero(self.write.any(axis=0)), self.write.shape[1]

    def faults(self, where: str) -> Iterator[str]:
        yield from rows_faults(self.read, "rows to read by", where)
        yield from rows_faults(self.write, "rows to write", where)
        if self.read.shape != self.write.shape:
            yield f"reads by {shaped(self.read)} numbers and writes {shaped(self.write)} {where}; both are rank x dim"
        yield from array_faults(self.bias, np.float32, f"as the bias {where}")
        if self.bias.shape != (len(self.read),):
            yield f"has a bias of {shaped(self.bias)} numbers {where}; it takes one for each of {len(self.read)} rows"
        if not np.isfinite(self.bias).all():
            yield f"has a bias {where} that is infinite or nan"

    def misfit(self, dim: int) -> str:
        given = self.write.shape[-1]
        return f"writes rows of {given} numbers" if given != dim else ""
