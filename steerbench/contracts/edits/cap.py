"""Hold neurons down: half of what NPTI does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.edits.checks import LARGEST_FLOAT32, array_faults, is_number
from steerbench.contracts.edits.gates import Gate
from steerbench.contracts.edits.places import EVERYWHERE, Positions, Site, Vector


@dataclass(frozen=True, eq=False)
class Cap:
    """Hold chosen FFN neurons at or below `maximum`, after the activation function. Has no strength."""

    layer: int
    neurons: NDArray[np.int64]
    maximum: float = 0.0
    positions: Positions = EVERYWHERE
    gates: tuple[Gate, ...] = ()

    site: ClassVar[Site] = "mlp_act"
    done: ClassVar[str] = "held down"

    def scaled(self, strength: float) -> "Cap":
        return self

    def apply(self, x: Vector, position: int) -> Vector:
        x = x.copy()
        x[self.neurons] = np.minimum(x[self.neurons], np.float32(self.maximum))
        return x

    @classmethod
    def smallest(cls, site: Site, layer: int, positions: Positions) -> "Cap":
        """A sound one at this place, as small as can be."""
        return cls(layer, np.zeros(1, np.int64), positions=positions)

    def changed(self) -> tuple[NDArray[np.int64], int]:
        """Which coordinates of the site it may change, and how many the site has at least."""
        return np.unique(self.neurons), int(self.neurons.max(initial=-1)) + 1

    def faults(self, where: str) -> Iterator[str]:
        yield from neuron_faults(self.neurons, where)
        if not is_number(self.maximum) or abs(self.maximum) > LARGEST_FLOAT32:
            yield f"has a cap of {self.maximum!r} {where}; a cap is a finite number that float32 can hold"
        if self.positions.kind == "front":
            yield f"caps the first tokens of a prompt {where}, which is unsupported; use positions all or decode"

    def misfit(self, dim: int) -> str:
        return neurons_misfit(self.neurons, dim)


def neuron_faults(neurons: NDArray[np.int64], where: str) -> Iterator[str]:
    yield from array_faults(neurons, np.int64, f"as the neurons {where}")
    if neurons.ndim != 1:
        yield f"has {neurons.ndim}-dimensional neurons {where}; their numbers are one row"
    if neurons.size and neurons.min() < 0:
        yield f"edits neuron {neurons.min()} {where}; neurons are counted from 0"
    # Sorted, as most methods have them, they need no sorting.
    if not (np.diff(neurons) > 0).all() and len(np.unique(neurons)) < len(neurons):
        yield f"edits a neuron twice {where}"


def neurons_misfit(neurons: NDArray[np.int64], dim: int) -> str:
    if neurons.size and neurons.max() >= dim:
        return f"edits neurons {neurons.min()} to {neurons.max()}"
    return ""
