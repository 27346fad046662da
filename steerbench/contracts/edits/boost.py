"""Drive neurons: the other half of what NPTI does."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.edits.cap import neuron_faults, neurons_misfit
from steerbench.contracts.edits.checks import array_faults, is_number
from steerbench.contracts.edits.gates import Gate
from steerbench.contracts.edits.places import EVERYWHERE, Positions, Site, Vector
from steerbench.contracts.edits.thinning import drawn


@dataclass(frozen=True, eq=False)
class Boost:
    """Add `strength * values` to chosen FFN neurons, after the activation function.

    With `kept` under 1, at every position only that share of the neurons, drawn at random anew.
    """

    layer: int
    neurons: NDArray[np.int64]
    values: Vector
    positions: Positions = EVERYWHERE
    strength: float = 1.0
    kept: float = 1.0
    gates: tuple[Gate, ...] = ()

    site: ClassVar[Site] = "mlp_act"
    done: ClassVar[str] = "driven"

    def scaled(self, strength: float) -> "Boost":
        return replace(self, strength=self.strength * strength)

    def apply(self, x: Vector, position: int) -> Vector:
        x = x.copy()
        kept = drawn(self.layer, len(x), position)[self.neurons] < self.kept
        x[self.neurons[kept]] += np.float32(self.strength) * self.values[kept]
        return x

    @classmethod
    def smallest(cls, site: Site, layer: int, positions: Positions) -> "Boost":
        """A sound one at this place, as small as can be."""
        return cls(layer, np.zeros(1, np.int64), np.ones(1, np.float32), positions)

    def changed(self) -> tuple[NDArray[np.int64], int]:
        """Which coordinates of the site it may change, and how many the site has at least."""
        return np.unique(self.neurons), int(self.neurons.max(initial=-1)) + 1

    def faults(self, where: str) -> Iterator[str]:
        yield from neuron_faults(self.neurons, where)
        yield from array_faults(self.values, np.float32, f"as the values {where}")
        if self.values.shape != self.neurons.shape:
            yield f"has {self.values.size} values for {self.neurons.size} neurons {where}; it takes one value a neuron"
        if not np.isfinite(self.values).all():
            yield f"boosts neurons {where} by numbers that are infinite or nan"
        if not is_number(self.kept) or not 0 < self.kept <= 1:
            yield f"keeps a share of {self.kept!r} of its neurons {where}; a share is over 0 and at most 1"
        if self.kept < 1 and self.positions.kind == "front":
            yield f"keeps a share of its neurons {where}, which cannot be on the first tokens of a prompt only"

    def misfit(self, dim: int) -> str:
        return neurons_misfit(self.neurons, dim)
