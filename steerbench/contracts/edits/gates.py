"""Gates: how much of an edit reaches a token, from 0 (nothing) to 1 (all of it).

An edit with gates makes of x at a token `x + g * (edited - x)`, where g is the product of what its gates let through.
No gate looks at anything but the token and what is before it, so cached prefixes and batches change nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from steerbench.contracts.edits.checks import is_number, is_whole, number_faults, row_faults, unit_faults
from steerbench.contracts.edits.places import Vector


@dataclass(frozen=True, eq=False)
class Similarity:
    """Opens only where a token's hidden state is like a condition vector (conditional activation steering).

    The state is the residual stream after `layer` and its edits, which comes before the layer that is edited. Its
    cosine with `direction` [hidden size] must be `above` the threshold, or `below` it.
    """

    layer: int
    direction: Vector
    threshold: float
    side: Literal["above", "below"] = "above"

    def share(self, state: Vector) -> float:
        """1 if it is open to a token whose hidden state at the layer is this, else 0. A state of 0 has cosine 0."""
        lengths = float(np.linalg.norm(state) * np.linalg.norm(self.direction))
        cosine = float(state @ self.direction) / lengths if lengths else 0.0
        return float(cosine > self.threshold if self.side == "above" else cosine < self.threshold)

    def faults(self, edited: int, where: str) -> Iterator[str]:
        if not is_whole(self.layer) or not 0 <= self.layer < edited:
            yield f"has a gate {where} that looks at layer {self.layer!r}; it can look at those before layer {edited}"
        yield from row_faults(self.direction, "condition vector", where)
        if not is_number(self.threshold) or not -1 <= self.threshold <= 1:
            yield f"has a gate {where} with a threshold of {self.threshold!r}; a cosine lies between -1 and 1"
        if self.side not in ("above", "below"):
            yield f"has a gate {where} that opens {self.side!r} its threshold; it is above or below"


@dataclass(frozen=True, eq=False)
class Fade:
    """Lets less through the further a token lies behind the prompt: half as much after every `half_life` tokens.

    The prompt, and the first token after it, get all.
    """

    half_life: float

    def share(self, after: int) -> float:
        """What reaches the `after`th token behind the prompt; 0 is any token of the prompt."""
        return float(0.5 ** (max(after - 1, 0) / self.half_life))

    def faults(self, edited: int, where: str) -> Iterator[str]:
        yield from number_faults(self.half_life, "a gate with a half-life", where)
        if self.half_life <= 0:
            yield f"has a gate {where} with a half-life of {self.half_life!r} tokens; it is more than 0"


@dataclass(frozen=True, eq=False)
class Facing:
    """Opens only where a token's own values at the site face a direction (adaptive angular steering).

    Their scalar product with `direction` [dim of the site], of length 1, must be above `threshold`.
    """

    direction: Vector
    threshold: float = 0.0

    def share(self, x: Vector, edited: Vector) -> float:
        return float(x @ self.direction > self.threshold)

    def faults(self, edited: int, where: str) -> Iterator[str]:
        yield from unit_faults(self.direction, "gate's direction", where)
        yield from number_faults(self.threshold, "a gate with a threshold", where)


@dataclass(frozen=True, eq=False)
class Bound:
    """Lets an edit move a token along a direction no further than to `limit` (bounded steering).

    The coordinate is the scalar product with `direction` [dim of the site], of length 1. A token that is there already
    is left alone; what moves it the other way passes whole.
    """

    direction: Vector
    limit: float

    def share(self, x: Vector, edited: Vector) -> float:
        """How much of the way from x to `edited` can be gone."""
        step, room = float((edited - x) @ self.direction), self.limit - float(x @ self.direction)
        return 1.0 if step <= 0 else min(max(room / step, 0.0), 1.0)

    def faults(self, edited: int, where: str) -> Iterator[str]:
        yield from unit_faults(self.direction, "bounded direction", where)
        yield from number_faults(self.limit, "a bound", where)


Gate = Similarity | Fade | Facing | Bound

GATES: tuple[type[Gate], ...] = (Similarity, Fade, Facing, Bound)


def gate_faults(gates: Any, edited: int, where: str) -> Iterator[str]:
    """What is wrong with the gates of an edit at layer `edited`."""
    if not isinstance(gates, tuple):
        yield f"has {type(gates).__name__} as its gates {where}; they are a tuple"
    for gate in gates:
        if not isinstance(gate, GATES):
            yield f"has a {type(gate).__name__} {where}, which is none of the gates {_names()}"
        yield from gate.faults(edited, where)


def _names() -> str:
    return ", ".join(kind.__name__ for kind in GATES)
