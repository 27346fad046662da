"""Persona vectors: the change in activations that a description of a person causes, added without the description.

Based on representation reading with contrasting instructions (Zou et al. 2023, section 3.1) and persona vectors (Chen
et al. 2025). Prompts, positions and scaling are this project's own.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from methods.simple_prompt import WORDINGS
from steerbench.contracts import Engine, Method
from steerbench.contracts.edits import Add
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Target
from steerbench.toolkit.described import Context, Reader, contrast_items, descriptions, mean
from steerbench.toolkit.layers import checked_layer

DEPTH = 0.5
DESCRIBED = WORDINGS[1]
"""simple-prompt's second wording, which says who answers."""


@dataclass(frozen=True)
class PersonaVector(Method):
    """Adds a difference of activations after `layer` (counted from 0; default: half of the depth) at every position.

    The difference is that of a prompt's last token under a description of the target and under one of its opposite,
    averaged over `prompts` prompts. These are statements on which the target leans, as the next entry of a list
    (`context="list"`), or open questions on its traits (`context="chat"`). At strength 1 the model is shifted by the
    full distance between the two descriptions. Descriptions are adjectives graded by how far the target leans; for the
    opposite every score is mirrored at the middle. A target in the middle of every scale gets no edit.
    """

    layer: Annotated[int, Field(ge=0)] | None = None
    context: Context = "list"
    prompts: Annotated[int, Field(ge=1)] = 12
    seed: int = 0

    name = "persona-vector"
    needs_model = True
    strengths = (0.0, 4.0)

    def adapted(self, engine: Engine) -> Mapping[str, int]:
        """Raises UserError: the model has no such layer."""
        checked_layer(self.name, self.layer, DEPTH, engine)
        return {}

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        """Steerings of unit strength.

        Raises:
            UserError: the model has no such layer.
        """
        layer, reader = checked_layer(self.name, self.layer, DEPTH, engine), Reader(engine)
        return [self._steering(reader, target, layer) for target in targets]

    def _steering(self, reader: Reader, target: Target, layer: int) -> Steering:
        described = descriptions(target, DESCRIBED)
        items = contrast_items(target, self.context, self.prompts, self.seed, self.name)
        if described is None or not items:
            return Steering()
        own, opposite = (mean(reader.states(items, text))[layer] for text in described)
        return Steering((Add("resid", layer, own - opposite),))
