"""Persona vectors: what being described as somebody does inside the model, added without the description.

After representation reading by contrasting instructions (Zou et al. 2023, section 3.1) and persona vectors (Chen et al.
2025). Prompts, places and scaling are this project's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from methods.simple_prompt import WORDINGS
from steerbench.contracts import Engine, Prompt, Request
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
"""Says who answers: simple-prompt's second wording."""
Context = Literal["list", "chat"]


@dataclass(frozen=True)
class PersonaVector:
    """Adds, after `layer` (counted from 0; by default half-way up) and at every position, the difference that a
    description of the target makes against one of its opposite, to the activation of a prompt's last token.

    The prompts are `prompts` statements that the target leans on, as the next entry of a list whose answer is still to
    come (`context="list"`), or as many open questions on its traits (`chat`); the difference is the mean over them.
    At strength 1 the model is moved as far as the one description lies from the other. The descriptions are adjectives
    graded by how far the target leans; the opposite has every score on the other side of the middle. Who leans nowhere
    gets no edit.
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
        read: dict[Prompt, NDArray[np.float32]] = {}  # the two poles of a trait are described by the same prompts
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
        """In an order by seed and id, so that they are the same whoever else is fitted."""
        if self.context == "list":
            items = sorted(target.leanings(), key=lambda item: number(self.seed, self.name, item.id))
            return [ContrastItem(item, listed=True) for item in items[: self.prompts]]
        traits = list(trait_scores(target))
        each = -(-self.prompts // max(len(traits), 1))
        return [ContrastItem(item, listed=False) for trait in traits for item in search_questions("bank", trait, each)]


def _mean(
    engine: Engine, prompts: Sequence[Prompt], layer: int, read: dict[Prompt, NDArray[np.float32]]
) -> NDArray[np.float32]:
    """[dim], over activations [dim] of the prompts' last tokens.

    They are read one by one: in its last bits an activation depends on what is computed beside it.
    """
    for prompt in prompts:
        if prompt not in read:
            read[prompt] = engine.capture([Request(prompt)], ["resid"])["resid"][0, 0, layer]
    return np.asarray(np.mean([read[prompt] for prompt in prompts], axis=0, dtype=np.float64), np.float32)


@plain(frozen=True)
class ContrastItem:
    """A statement in a list, or a question in a chat."""

    item: Item
    listed: bool

    def under(self, description: str) -> Prompt:
        if self.listed:
            return list_prompt(self.item, PromptChange(description))
        return Prompt((("system", description), ("user", self.item.text)))


def descriptions(target: Target) -> tuple[str, str] | None:
    """Of the target and of its opposite; None if it leans nowhere."""
    scores = trait_scores(target)
    own, opposite = graded(scores), graded({trait: 2 * MIDDLE - score for trait, score in scores.items()})
    return (DESCRIBED.format("; ".join(own)), DESCRIBED.format("; ".join(opposite))) if own else None
