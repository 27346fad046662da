"""CAA, Contrastive Activation Addition (Rimsky et al. 2023).

The vector is the mean difference between answering as oneself and as one's opposite. It is added to the residual stream
after one layer.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from steerbench.contracts import Engine, Method
from steerbench.contracts.edits import Add
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Target
from steerbench.toolkit.contrasts import Contrast, capture_statements
from steerbench.toolkit.directions import mass_mean, one_deviation_long
from steerbench.toolkit.layers import checked_layer

DEPTH = 0.4
"""Share of the model's depth. The paper's sweeps peak at layer 13 of 32 (Llama-2-7B) and 14 or 15 of 40 (13B)."""


@dataclass(frozen=True)
class CAA(Method):
    """Adds one vector at `layer` (counted from 0; default: 40 % of the depth), at every position of prompt and answer.

    The paper adds it only after the user's prompt. Here the prompt is edited too, because an answer that is read as the
    likelihood of an option depends on the prompt's last token. The paper uses the raw mean difference, normalised to
    one norm for all behaviours. Here unit strength is one standard deviation of the activations along the direction,
    so that the same range of strengths suits every model, and PAS as well.
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
        """Steerings of unit strength. A target without a leaning on any statement gets no edit.

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
        """The steering of one target from its activations [rows, dim] and labels [rows]."""
        if not len(labels):
            return Steering()
        return Steering((Add("resid", layer, one_deviation_long(mass_mean(activations, labels), activations)),))
