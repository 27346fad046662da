"""CAA, Contrastive Activation Addition (Rimsky et al. 2023): the mean difference between agreeing with oneself and
with one's opposite, added to the residual stream after one layer."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from steerbench.contracts import Engine
from steerbench.contracts.steering import Add, Steering
from steerbench.contracts.targets import Target
from steerbench.toolkit.contrasts import Contrast, capture_statements
from steerbench.toolkit.directions import mass_mean, one_deviation_long
from steerbench.toolkit.layers import checked_layer

DEPTH = 0.4
"""Where the paper's sweeps peak: layer 13 of the 32 of Llama-2-7B, 14 or 15 of the 40 of the 13B."""


@dataclass(frozen=True)
class CAA:
    """Adds one vector at `layer` (counted from 0; by default two fifths up), at every position of prompt and answer.

    The paper adds it only after the user's prompt; here the prompt is edited too, because an answer that is read off
    as the likelihood of an option is decided by the prompt's last token. The paper multiplies the raw mean
    difference, brought to one norm for all behaviours. Here too all targets get one measure: unit strength is one
    standard deviation of the activations along the direction, so that the same range of strengths serves every model,
    and PAS too.
    """

    layer: Annotated[int, Field(ge=0)] | None = None
    contrast: Contrast = "letters"

    name = "caa"
    needs_model = True
    strengths = (0.0, 10.0)

    def adapted(self, engine: Engine) -> Mapping[str, int]:
        """Raises UserError: the model has no such layer."""
        checked_layer(self.name, self.layer, DEPTH, engine)
        return {}

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        """Steerings of unit strength. A target that leans on no statement gets no edit.

        Raises:
            UserError: the model has no such layer.
        """
        layer = checked_layer(self.name, self.layer, DEPTH, engine)
        statements = capture_statements(engine, targets, "resid", self.contrast)
        if statements is None:
            return [Steering() for _ in targets]
        activations = statements.activations[:, layer]
        return [
            self._steering(layer, activations[used], labels[used])
            for labels, used in zip(statements.labels, statements.used, strict=True)
        ]

    def _steering(self, layer: int, activations: NDArray[np.float32], labels: NDArray[np.bool_]) -> Steering:
        """From the rows [rows, dim] of one target's statements."""
        if not len(labels):
            return Steering()
        return Steering((Add("resid", layer, one_deviation_long(mass_mean(activations, labels), activations)),))
