"""The control of matched norm: another method's edits in random directions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from steerbench.contracts import Engine, Method
from steerbench.contracts.steering import Add, Edit, Steering
from steerbench.contracts.targets import Respondent, Target
from steerbench.plugins.composed import adapted, build_method
from steerbench.toolkit.seeding import generator


@dataclass(frozen=True)
class RandomDirection:
    """Fits the method `of`, with its `parameters`, and gives every edit a random direction of the same norm.

    At `head_out` the norm is kept head by head, so that the same heads are edited; at `resid` position by
    position. Edits of chosen neurons fall on as many random ones. What `of` says in the prompt stays.

    A person gets one direction, for a board's people each have their own. A pole alone is asked what the board's
    test is over, and one direction may happen to move all of it: a pole's items are dealt out over `draws` of them.
    """

    of: str = "pas"
    seed: int = 0
    parameters: dict[str, Any] = field(default_factory=dict)
    draws: Annotated[int, Field(ge=1)] = 8

    name = "random-direction"

    def __post_init__(self) -> None:
        _ = self._imitated  # a name nobody has is an error now, not when the model is loaded

    @cached_property
    def _imitated(self) -> Method:
        return build_method(self.of, {self.of: self.parameters}, self.seed)

    @property
    def needs_model(self) -> bool:
        return self._imitated.needs_model

    @property
    def strengths(self) -> tuple[float, float]:
        return self._imitated.strengths

    def adapted(self, engine: Engine) -> Mapping[str, Any]:
        """The parameters of the method it imitates, as that one will use them."""
        used = adapted(self._imitated, engine).get(self.of, {})
        return {"parameters": {**self.parameters, **used}} if used else {}

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        fits = self._imitated.fit(engine, targets)
        randomised = []
        for target, fitted in zip(targets, fits, strict=True):
            edits, *draws = (
                _randomised(fitted.edits, engine.heads, engine.neurons, random) for random in self._generators(target)
            )
            randomised.append(replace(fitted, edits=edits, draws=tuple(draws), facts={}))
        return randomised

    def hands(self, target: Target) -> int:
        return 1 if isinstance(target, Respondent) else self.draws

    def _generators(self, target: Target) -> Iterator[np.random.Generator]:
        yield generator(self.seed, self.name, target.id)
        for draw in range(1, self.hands(target)):
            yield generator(self.seed, self.name, target.id, str(draw))


def _randomised(edits: Sequence[Edit], heads: int, neurons: int, random: np.random.Generator) -> tuple[Edit, ...]:
    # One permutation per layer, so that neurons that were edited differently still are different neurons.
    permutations: dict[int, NDArray[np.int64]] = {}
    changed: list[Edit] = []
    for edit in edits:
        if isinstance(edit, Add):
            vector = same_norms(edit.vector, heads if edit.site == "head_out" else 1, random)
            changed.append(replace(edit, vector=vector))
        else:
            if edit.layer not in permutations:
                permutations[edit.layer] = random.permutation(neurons)
            changed.append(replace(edit, neurons=permutations[edit.layer][edit.neurons]))
    return tuple(changed)


def same_norms(vector: NDArray[np.float32], parts: int, random: np.random.Generator) -> NDArray[np.float32]:
    """A random array [..., dim] in which each of the `parts` equal parts of dim has the norm it has in `vector`."""
    blocks = vector.reshape(*vector.shape[:-1], parts, -1)
    noise = random.standard_normal(blocks.shape)
    noise *= np.linalg.norm(blocks, axis=-1, keepdims=True) / np.linalg.norm(noise, axis=-1, keepdims=True)
    return noise.reshape(vector.shape).astype(np.float32)
