"""Persona vectors: the change in activations that a description of a person causes, added without the description.

Based on representation reading with contrasting instructions (Zou et al. 2023, section 3.1) and persona vectors (Chen
et al. 2025). Prompts, positions and scaling are this project's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from methods.simple_prompt import WORDINGS
from steerbench.contracts import Engine, Method, Prompt, Request
from steerbench.contracts.steering import Add, PromptChange, Steering
from steerbench.contracts.targets import MIDDLE, Item, Target
from steerbench.toolkit.adjectives import graded
from steerbench.toolkit.layers import checked_layer
from steerbench.toolkit.search_questions import search_questions
from steerbench.toolkit.seeding import number
from steerbench.toolkit.statement_list import list_prompt
from steerbench.toolkit.trait_answers import trait_scores

DEPTH = 0.5
DESCRIBED = WORDINGS[1]
"""simple-prompt's second wording, which says who answers."""
Context = Literal["list", "chat"]


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
        layer = checked_layer(self.name, self.layer, DEPTH, engine)
        read: dict[Prompt, NDArray[np.float32]] = {}  # the two poles of a trait use the same prompts
        return [self._steering(engine, target, layer, read) for target in targets]

    def _steering(
        self, engine: Engine, target: Target, layer: int, read: dict[Prompt, NDArray[np.float32]]
    ) -> Steering:
        described, asked = descriptions(target), self._prompts(target)
        if described is None or not asked:
            return Steering()
        own, opposite = (_mean(engine, [one.under(text) for one in asked], layer, read) for text in described)
        return Steering((Add("resid", layer, own - opposite),))

    def _prompts(self, target: Target) -> list["ContrastItem"]:
        """Ordered by seed and id, so that a target's prompts do not depend on the other targets."""
        if self.context == "list":
            items = sorted(target.leanings(), key=lambda item: number(self.seed, self.name, item.id))
            return [ContrastItem(item, listed=True) for item in items[: self.prompts]]
        traits = list(trait_scores(target))
        each = -(-self.prompts // max(len(traits), 1))
        return [ContrastItem(item, listed=False) for trait in traits for item in search_questions("bank", trait, each)]


def _mean(
    engine: Engine, prompts: Sequence[Prompt], layer: int, read: dict[Prompt, NDArray[np.float32]]
) -> NDArray[np.float32]:
    """[dim]: mean over the prompts of the activations at their last tokens.

    Prompts are read one by one, because the last bits of an activation depend on the rest of the batch.
    """
    for prompt in prompts:
        if prompt not in read:
            read[prompt] = engine.capture([Request(prompt)], ["resid"])["resid"][0, 0, layer]
    return np.asarray(np.mean([read[prompt] for prompt in prompts], axis=0, dtype=np.float64), np.float32)


@plain(frozen=True)
class ContrastItem:
    """A prompt without its description: a statement in a list, or a question in a chat."""

    item: Item
    listed: bool

    def under(self, description: str) -> Prompt:
        if self.listed:
            return list_prompt(self.item, PromptChange(description))
        return Prompt((("system", description), ("user", self.item.text)))


def descriptions(target: Target) -> tuple[str, str] | None:
    """Descriptions of the target and of its opposite; None if every trait score is in the middle."""
    scores = trait_scores(target)
    own, opposite = graded(scores), graded({trait: 2 * MIDDLE - score for trait, score in scores.items()})
    return (DESCRIBED.format("; ".join(own)), DESCRIBED.format("; ".join(opposite))) if own else None
