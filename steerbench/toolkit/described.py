"""The change in activations that a description of a target causes: what persona vectors are made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Engine, Prompt, Request
from steerbench.contracts.steering import PromptChange
from steerbench.contracts.targets import MIDDLE, Item, Target
from steerbench.toolkit.adjectives import graded
from steerbench.toolkit.search_questions import search_questions
from steerbench.toolkit.seeding import number
from steerbench.toolkit.statement_list import list_prompt
from steerbench.toolkit.trait_answers import trait_scores

Context = Literal["list", "chat"]
"""Where a description is given: before a list whose next answer is still to come, or as a chat's system message."""

States = NDArray[np.float32]


@dataclass(frozen=True)
class ContrastItem:
    """A prompt without its description: a statement in a list, or a question in a chat."""

    item: Item
    context: Context

    def under(self, description: str) -> Prompt:
        if self.context == "list":
            return list_prompt(self.item, PromptChange(description))
        messages = (("system", description),) if description else ()
        return Prompt((*messages, ("user", self.item.text)))


def descriptions(target: Target, wording: str) -> tuple[str, str] | None:
    """Descriptions of the target and of its opposite; None if every trait score is in the middle.

    `wording` has a place for adjectives, which are graded by how far the target leans. For the opposite every score is
    mirrored at the middle.
    """
    scores = trait_scores(target)
    own, opposite = graded(scores), graded({trait: 2 * MIDDLE - score for trait, score in scores.items()})
    return (wording.format("; ".join(own)), wording.format("; ".join(opposite))) if own else None


def contrast_items(target: Target, context: Context, count: int, seed: int, name: str) -> list[ContrastItem]:
    """`count` statements on which the target leans, or about as many questions on its traits.

    Ordered by seed, the method's `name` and id, so that a target's prompts do not depend on the other targets.
    """
    if context == "list":
        items = sorted(target.leanings(), key=lambda item: number(seed, name, item.id))
        return [ContrastItem(item, context) for item in items[:count]]
    traits = list(trait_scores(target))
    each = -(-count // max(len(traits), 1))
    return [ContrastItem(item, context) for trait in traits for item in search_questions("bank", trait, each)]


class Reader:
    """Reads activations at prompts' last tokens, each prompt once: the two poles of a trait use the same prompts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read: dict[Prompt, States] = {}

    def states(self, items: Sequence[ContrastItem], description: str) -> States:
        """[items, layers, dim]: the residual stream at each prompt's last token, after every layer.

        Prompts are read one by one, because the last bits of an activation depend on the rest of the batch.
        """
        for prompt in (prompts := [item.under(description) for item in items]):
            if prompt not in self._read:
                self._read[prompt] = self._engine.capture([Request(prompt)], ["resid"])["resid"][0, 0]
        return np.stack([self._read[prompt] for prompt in prompts])


def mean(states: States) -> States:
    """[layers, dim], over items; summed in double precision."""
    return np.asarray(states.mean(axis=0, dtype=np.float64), np.float32)
