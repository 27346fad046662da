"""Control vectors: a principal component of contrasting activations at every layer, as repeng has them.

After representation reading (Zou et al. 2023, section 3.1.1). Prompts and scaling are this project's own.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass
from sklearn.decomposition import PCA

from methods.simple_prompt import WORDINGS
from steerbench.contracts import Engine, Method
from steerbench.contracts.edits import Add
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Target
from steerbench.toolkit.described import Context, Reader, States, contrast_items, descriptions
from steerbench.toolkit.directions import one_deviation_long
from steerbench.toolkit.layers import Layers, checked_layers, parsed_layers

FEWEST = 2
"""Pairs: of one there is no component."""


@dataclass(frozen=True)
class ControlVector(Method):
    """Adds one vector after each of `layers` (all but the first by default), at every position.

    A pair is one prompt's last token under a description of the target and under one of its opposite; there are
    `prompts` of them. With `component="center"` a layer's direction is the first principal component of both
    activations less their middle, that is, of the differences about 0. With `diff`, repeng's default, it is that of
    the differences about their own mean, which leaves out what all pairs have in common. Its sign is the one by which
    more targets lie above their opposites. Unit strength is one standard deviation of the activations along it.
    """

    layers: Layers = None
    component: Literal["center", "diff"] = "center"
    context: Context = "chat"
    prompts: Annotated[int, Field(ge=FEWEST)] = 12
    seed: int = 0

    name = "control-vector"
    needs_model = True
    strengths = (0.0, 4.0)

    def __post_init__(self) -> None:
        parsed_layers(self.name, self.layers)

    def adapted(self, engine: Engine) -> Mapping[str, int]:
        """Raises UserError: the model has no such layer."""
        self._layers(engine)
        return {}

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        """Steerings of unit strength. A target that leans nowhere gets no edit.

        Raises:
            UserError: the model has no such layer.
        """
        layers, reader = self._layers(engine), Reader(engine)
        return [self._steering(reader, target, layers) for target in targets]

    def _layers(self, engine: Engine) -> list[int]:
        found = sorted(checked_layers(self.name, self.layers, engine))
        return found if self.layers is not None else found[1:]

    def _steering(self, reader: Reader, target: Target, layers: Sequence[int]) -> Steering:
        described = descriptions(target, WORDINGS[1])
        items = contrast_items(target, self.context, self.prompts, self.seed, self.name)
        if described is None or len(items) < FEWEST:
            return Steering()
        own, opposite = (reader.states(items, text) for text in described)
        directions = np.stack([component(own[:, n], opposite[:, n], self.component) for n in layers])
        vectors = one_deviation_long(directions, np.concatenate([own, opposite])[:, layers])
        return Steering(tuple(Add("resid", n, vector) for n, vector in zip(layers, vectors, strict=True)))


def component(own: States, opposite: States, kind: Literal["center", "diff"]) -> NDArray[np.float32]:
    """[dim], of length 1: the first principal component of pairs [pairs, dim], pointing to where `own` lies higher."""
    difference = own.astype(np.float64) - opposite
    # Both halves of a pair about its middle: the differences and what is opposite to them, whose mean is 0.
    rows = difference if kind == "diff" else np.concatenate([difference, -difference])
    direction = PCA(n_components=1, svd_solver="full").fit(rows).components_[0]
    higher = np.sign(difference @ direction).sum()
    return np.asarray(-direction if higher < 0 else direction, np.float32)
