"""Controls: the prompt shows the very answers that are asked for. If the readout misses these, it can read nobody.

As in few-shot, answers are shown as examples. Here the answers to the asked items are among them, in random order; in
`copy-other` they are another person's. Items are asked in blocks of twenty, and each block has its own list. So the
list is shorter than few-shot's and its prefix is shared within a block.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic.dataclasses import dataclass

from steerbench.contracts import Engine, Method
from steerbench.contracts.steering import UNSTEERED, PromptChange, Steering
from steerbench.contracts.targets import Answer, Item, Target
from steerbench.errors import UserError
from steerbench.toolkit.seeding import generator
from steerbench.toolkit.trait_answers import shown_answers

BLOCK = 20
"""Most items asked with one list."""
BESIDE = 40
"""Other shown answers in each list, or all of them if there are fewer."""

Ticks = Mapping[Item, int]


@dataclass(frozen=True)
class Copy(Method):
    """Shows the asked answers among forty other answers of the person. A control, not a method."""

    seed: int = 0

    name = "copy"
    role = "control"
    needs_model = True
    strengths = (1.0, 1.0)

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        """No edits: `reveal` makes the steerings once the answers are known."""
        return [UNSTEERED] * len(targets)

    def reveal(self, targets: Sequence[Target], answers: Mapping[str, Mapping[Item, Any]]) -> Sequence[Steering]:
        """For each target, a prompt with its own answers."""
        return [self._lists(target, target, answers) for target in targets]

    def _lists(self, asked: Target, told: Target, answers: Mapping[str, Ticks]) -> Steering:
        """Prompts for the items of `asked`, with lists of answers given by `told`."""
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
    """Like `copy`, but with the answers of the run's next person: the score of a readout that reads another person."""

    name = "copy-other"

    def reveal(self, targets: Sequence[Target], answers: Mapping[str, Mapping[Item, Any]]) -> Sequence[Steering]:
        """For each target, a prompt with the next target's answers; the last target gets the first's.

        Raises:
            UserError: there is only one target.
        """
        if len(targets) < 2:
            raise UserError("copy-other needs another person: use it with two respondents or more.")
        others = [*targets[1:], targets[0]]
        return [self._lists(target, other, answers) for target, other in zip(targets, others, strict=True)]


def blocks(items: Sequence[Item]) -> list[list[Item]]:
    """Splits items into the fewest blocks of at most `BLOCK`, with traits and keys spread evenly over them."""
    strata: dict[tuple[str, int], list[Item]] = {}
    for item in items:
        strata.setdefault((item.trait, item.key), []).append(item)
    in_strata = [item for of_stratum in strata.values() for item in of_stratum]
    count = -(-len(items) // BLOCK)
    return [in_strata[first::count] for first in range(count)]


def _mixed(answers: Sequence[Answer], random: np.random.Generator) -> PromptChange:
    return PromptChange(shown=tuple(answers[i] for i in random.permutation(len(answers))))
