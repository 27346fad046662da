"""A control of matched norm: another method's edits, with random directions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from steerbench.contracts import Engine, Method
from steerbench.contracts.edits import Boost, Cap, Edit
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Respondent, Target
from steerbench.plugins.composed import adapted, build_method
from steerbench.toolkit.seeding import generator


@dataclass(frozen=True)
class RandomDirection(Method):
    """Fits the method `of` with its `parameters` and replaces every edit's direction by a random one of the same norm.

    At `head_out` the norm is matched per head, so that the same heads are edited; at `resid` it is matched per
    position. Edits of chosen neurons are moved to the same number of random neurons. Prompts of `of` are kept.

    A respondent gets one direction, because a board averages over respondents. A pole is itself the unit of the
    board's test, and a single direction might shift all of its items: its items are divided among `draws` directions.
    """

    of: str = "pas"
    seed: int = 0
    parameters: dict[str, Any] = field(default_factory=dict)
    draws: Annotated[int, Field(ge=1)] = 8

    name = "random-direction"
    role = "placebo"

    def __post_init__(self) -> None:
        _ = self._imitated  # an unknown name is an error now, not when the model is loaded

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
        """The parameters that the imitated method will use with this model."""
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
    # One permutation per layer, so that two edits of different neurons still edit different neurons.
    permutations: dict[int, NDArray[np.int64]] = {}
    changed: list[Edit] = []
    for edit in edits:
        if isinstance(edit, Cap | Boost):
            if edit.layer not in permutations:
                permutations[edit.layer] = random.permutation(neurons)
            changed.append(replace(edit, neurons=permutations[edit.layer][edit.neurons]))
        else:
            changed.append(edit.redrawn(heads, random))
    return tuple(changed)
