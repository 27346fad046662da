"""Angular steering (Vu and Nguyen 2025): activations are turned within a plane, and keep their length."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from methods.simple_prompt import WORDINGS
from steerbench.contracts import Engine, Method
from steerbench.contracts.edits import Facing, Rotate
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Target
from steerbench.toolkit.described import Context, Reader, States, contrast_items, descriptions
from steerbench.toolkit.layers import Layers, checked_layers, parsed_layers

QUARTER_TURN = float(np.pi / 2)


@dataclass(frozen=True)
class Angular(Method):
    """Turns the residual stream after each of `layers` (all by default) towards the target, within one plane.

    The plane holds the feature's direction and the first principal component of the directions of all layers (section
    3). A layer's direction is the difference of mean activations, each brought to length 1, between descriptions of the
    target and of its opposite before `prompts` prompts; the feature's is the one most like the others. What lies in the
    plane is turned, wherever it pointed, to an angle of `strength` quarter turns from the plane's other direction: at 0
    nothing of it is the feature's, at 1 all of it. `adaptive` leaves tokens alone that do not face the opposite.

    Ours are the prompts, the place (the residual stream after a layer; the paper turns what its norms put out) and
    the scale of the dial (the paper counts degrees from the feature, all the way round).
    """

    layers: Layers = None
    adaptive: bool = False
    context: Context = "chat"
    prompts: Annotated[int, Field(ge=1)] = 12
    seed: int = 0

    name = "angular"
    needs_model = True
    strengths = (0.0, 1.0)

    def __post_init__(self) -> None:
        parsed_layers(self.name, self.layers)

    def adapted(self, engine: Engine) -> Mapping[str, int]:
        """Raises UserError: the model has no such layer."""
        checked_layers(self.name, self.layers, engine)
        return {}

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        """Steerings of unit strength. A target that leans nowhere gets no edit.

        Raises:
            UserError: the model has no such layer.
        """
        layers = sorted(checked_layers(self.name, self.layers, engine))
        reader = Reader(engine)
        return [self._steering(reader, target, layers) for target in targets]

    def _steering(self, reader: Reader, target: Target, layers: Sequence[int]) -> Steering:
        described = descriptions(target, WORDINGS[1])
        items = contrast_items(target, self.context, self.prompts, self.seed, self.name)
        if described is None or not items:
            return Steering()
        own, opposite = (unit_mean(reader.states(items, text)) for text in described)
        feature, common = plane_of(own - opposite)
        plane = np.stack([common, feature])
        gates = (Facing(-feature),) if self.adaptive else ()
        return Steering(tuple(Rotate("resid", n, plane, QUARTER_TURN, "to", gates=gates) for n in layers))


def unit_mean(states: States) -> NDArray[np.float64]:
    """[layers, dim]: the mean over items of states [items, layers, dim] brought to length 1, of length 1 itself."""
    units = states / np.linalg.norm(states.astype(np.float64), axis=-1, keepdims=True)
    mean = units.mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean, axis=-1, keepdims=True))


def plane_of(directions: NDArray[np.float64]) -> NDArray[np.float32]:
    """[2, dim], orthonormal: of directions [layers, dim] the one most like the others, and what is common to all.

    Most like the others is the one with the largest mean cosine; the second is the first principal component, less what
    it has of the first.
    """
    units = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    first = units[(units @ units.T).mean(axis=1).argmax()]
    _, _, components = np.linalg.svd(directions - directions.mean(axis=0), full_matrices=False)
    second = components[0] - (components[0] @ first) * first
    return np.asarray([first, second / np.linalg.norm(second)], np.float32)
