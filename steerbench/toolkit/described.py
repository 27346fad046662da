"""A model that is described as a target, and as its opposite: what persona vectors and their kin are read from."""

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
"""Where a description stands: before a list whose next answer is still to come, or as a chat's system message."""

States = NDArray[np.float32]


@dataclass(frozen=True)
class ContrastItem:
    """A statement in a list, or a question in a chat."""

    item: Item
    context: Context

    def under(self, description: str) -> Prompt:
        if self.context == "list":
            return list_prompt(self.item, PromptChange(description))
        messages = (("system", description),) if description else ()
        return Prompt((*messages, ("user", self.item.text)))


def descriptions(target: Target, wording: str) -> tuple[str, str] | None:
    """Of the target and of its opposite; None if it leans nowhere.

    `wording` has a place for adjectives that are graded by how far the target leans. The opposite has every score on
    the other side of the middle.
    """
    scores = trait_scores(target)
    own, opposite = graded(scores), graded({trait: 2 * MIDDLE - score for trait, score in scores.items()})
    return (wording.format("; ".join(own)), wording.format("; ".join(opposite))) if own else None


def contrast_items(target: Target, context: Context, count: int, seed: int, name: str) -> list[ContrastItem]:
    """What the descriptions are put before: statements that the target leans on, or questions on its traits.

    In an order by seed, the method's `name` and id, so that they are the same whoever else is fitted.
    """
    if context == "list":
        items = sorted(target.leanings(), key=lambda item: number(seed, name, item.id))
        return [ContrastItem(item, context) for item in items[:count]]
    traits = list(trait_scores(target))
    each = -(-count // max(len(traits), 1))
    return [ContrastItem(item, context) for trait in traits for item in search_questions("bank", trait, each)]


class Reader:
    """Reads prompts' last tokens, each prompt once: the two poles of a trait are described by the same prompts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read: dict[Prompt, States] = {}

    def states(self, items: Sequence[ContrastItem], description: str) -> States:
        """[items, layers, dim]: the residual stream at the last token of each, after every layer.

        Read one by one: in its last bits an activation depends on what is computed beside it.
        """
        for prompt in (prompts := [item.under(description) for item in items]):
            if prompt not in self._read:
                self._read[prompt] = self._engine.capture([Request(prompt)], ["resid"])["resid"][0, 0]
        return np.stack([self._read[prompt] for prompt in prompts])


def mean(states: States) -> States:
    """[layers, dim], over items; summed in double precision."""
    return np.asarray(states.mean(axis=0, dtype=np.float64), np.float32)
