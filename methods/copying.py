"""Controls: the very answers that are asked for are shown. What cannot read these reads nobody.

As few-shot, they show answers as examples. But the answers to the items asked stand among them, in random order; in
`copy-other` they are another person's. Items are asked twenty at a time, each twenty beside a list of its own, so that
the list is shorter than few-shot's and is read once for the twenty.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic.dataclasses import dataclass

from steerbench.contracts import Engine
from steerbench.contracts.steering import UNSTEERED, PromptChange, Steering
from steerbench.contracts.targets import Answer, Item, Target
from steerbench.errors import UserError
from steerbench.toolkit.seeding import generator
from steerbench.toolkit.trait_answers import shown_answers

BLOCK = 20
"""Items asked beside one list."""
BESIDE = 40
"""Shown answers that the list has besides; fewer where fewer are shown."""

Ticks = Mapping[Item, int]


@dataclass(frozen=True)
class Copy:
    """Shows the answers that are asked for among forty others of the person: a control, and no method."""

    seed: int = 0

    name = "copy"
    needs_model = True
    strengths = (1.0, 1.0)

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        """Nothing: without the answers asked for there is nothing to copy."""
        return [UNSTEERED] * len(targets)

    def reveal(self, targets: Sequence[Target], answers: Mapping[str, Mapping[Item, Any]]) -> Sequence[Steering]:
        """For each target its own answers."""
        return [self._lists(target, target, answers) for target in targets]

    def _lists(self, asked: Target, told: Target, answers: Mapping[str, Ticks]) -> Steering:
        """What is asked of one target, beside the answers of the one that is told of."""
        random = generator(self.seed, "copy", asked.id)
        shown, ticks = shown_answers(told), answers[told.id]
        by_item: dict[str, PromptChange] = {}
        for block in blocks(list(answers[asked.id])):
            beside = [shown[i] for i in random.permutation(len(shown))[:BESIDE]]
            copied = [Answer(item, ticks[item]) for item in block if item in ticks]
            by_item |= dict.fromkeys([item.id for item in block], _mixed([*beside, *copied], random))
        return Steering(by_item=by_item)


@dataclass(frozen=True)
class CopyOther(Copy):
    """As `copy`, but the answers are those of the next person of the run: what is read of nobody."""

    name = "copy-other"

    def reveal(self, targets: Sequence[Target], answers: Mapping[str, Mapping[Item, Any]]) -> Sequence[Steering]:
        """For each target the answers of the one after it, and of the first for the last.

        Raises:
            UserError: there is one target only.
        """
        if len(targets) < 2:
            raise UserError("copy-other needs another person: use it with two respondents or more.")
        others = [*targets[1:], targets[0]]
        return [self._lists(target, other, answers) for target, other in zip(targets, others, strict=True)]


def blocks(items: Sequence[Item]) -> list[list[Item]]:
    """The items in as many blocks as it takes for no more than `BLOCK` in any, each trait and key dealt out evenly."""
    strata: dict[tuple[str, int], list[Item]] = {}
    for item in items:
        strata.setdefault((item.trait, item.key), []).append(item)
    in_strata = [item for of_stratum in strata.values() for item in of_stratum]
    count = -(-len(items) // BLOCK)
    return [in_strata[first::count] for first in range(count)]


def _mixed(answers: Sequence[Answer], random: np.random.Generator) -> PromptChange:
    return PromptChange(shown=tuple(answers[i] for i in random.permutation(len(answers))))
