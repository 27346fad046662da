"""Directional ablation (Arditi et al. 2024, section 2.4): a direction is taken out of every layer.

The paper takes out what makes a model refuse. Here it is what a description of the target's opposite puts in.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from methods.simple_prompt import WORDINGS
from steerbench.contracts import Engine, Method
from steerbench.contracts.edits import Project
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Target
from steerbench.toolkit.described import Context, Reader, contrast_items, descriptions, mean
from steerbench.toolkit.layers import Layers, checked_layer, checked_layers, parsed_layers

DEPTH = 0.6
"""Share of the depth at which the paper's chosen directions lie, in the middle of its models (0.4 to 0.8)."""


@dataclass(frozen=True)
class Ablation(Method):
    """Removes one direction from the residual stream after each of `layers` (all by default), at every position.

    The direction is read after `layer` (counted from 0; by default three fifths up): the mean activation at the last
    token of `prompts` prompts under a description of the target's opposite, less that under no description. Strength 1
    removes it, which is what the paper does; less of it leaves some, and more turns it round. What the opposite does
    not have cannot be removed, so ablation moves a model no further than away from the opposite.
    """

    layer: Annotated[int, Field(ge=0)] | None = None
    layers: Layers = None
    context: Context = "chat"
    prompts: Annotated[int, Field(ge=1)] = 12
    seed: int = 0

    name = "ablation"
    needs_model = True
    strengths = (0.0, 2.0)

    def __post_init__(self) -> None:
        parsed_layers(self.name, self.layers)

    def adapted(self, engine: Engine) -> Mapping[str, int]:
        """Raises UserError: the model has no such layer."""
        checked_layers(self.name, self.layers, engine)
        checked_layer(self.name, self.layer, DEPTH, engine)
        return {}

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        """Steerings of unit strength. A target that leans nowhere gets no edit.

        Raises:
            UserError: the model has no such layer.
        """
        layer = checked_layer(self.name, self.layer, DEPTH, engine)
        layers = sorted(checked_layers(self.name, self.layers, engine))
        reader = Reader(engine)
        return [self._steering(reader, target, layer, layers) for target in targets]

    def _steering(self, reader: Reader, target: Target, layer: int, layers: Sequence[int]) -> Steering:
        described = descriptions(target, WORDINGS[1])
        items = contrast_items(target, self.context, self.prompts, self.seed, self.name)
        if described is None or not items:
            return Steering()
        _, opposite = described
        direction = mean(reader.states(items, opposite))[layer] - mean(reader.states(items, ""))[layer]
        unit = np.asarray(direction / np.linalg.norm(direction), np.float32)[None]
        return Steering(tuple(Project("resid", place, unit) for place in layers))
