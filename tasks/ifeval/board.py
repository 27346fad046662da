"""How many instructions are followed: by prompt (all of its instructions) and by instruction, strictly and loosely.

Intervals are over prompts, whose instructions and poles stay together; so the share of instructions is a ratio of sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from steerbench.contracts import Metric, Score
from steerbench.contracts.flags import flag_kind
from steerbench.statistics import FEWEST, change_of_share, cluster_bootstrap, share_estimate
from steerbench.toolkit.boards.answers import Answers, Array
from steerbench.toolkit.boards.metric import BoardMetric, Column, above, beyond, by_target, difference, metric
from steerbench.toolkit.boards.named import CHANGE, tokens

Way = Literal["strict", "loose"]

OFTEN_CUT = flag_kind(
    "ifeval/cut-off", "{share:%} cut off", "IFEval", "more than 20 % of the answers were cut at the token limit"
)
FOLLOWS_LESS = flag_kind(
    "ifeval/follows-less", "follows less than unsteered", "IFEval", "the interval of the change lies below 0"
)


@metric("prompt strict", higher_is_better=True, estimate=share_estimate)
def prompt_strict(of: Answers) -> Array:
    """1 if all instructions of a prompt are followed."""
    return _all_followed(of, "strict")


@metric("prompt loose", higher_is_better=True, estimate=share_estimate)
def prompt_loose(of: Answers) -> Array:
    """The same by the loose checks."""
    return _all_followed(of, "loose")


@metric("cut off", estimate=share_estimate, warn=above(0.2, OFTEN_CUT))
def cut_off(of: Answers) -> Array:
    """1 for an answer that the token limit cut."""
    return of.record("cut")


@dataclass(frozen=True)
class Instructions:
    """The share of instructions that are followed."""

    way: Way

    def columns(self, of: Answers) -> dict[str, Metric]:
        return {f"instruction {self.way}": share_estimate(of.units(_followed(of, self.way)), _given(of))}


@dataclass(frozen=True)
class InstructionsChange:
    """How far it is from the unsteered row's."""

    way: Way

    def columns(self, of: Answers) -> dict[str, Metric]:
        if of.plain is None:
            return {}
        given = _given(of)
        sums = of.units(_followed(of, self.way) - _followed(of.plain, self.way))
        found = (
            change_of_share(sums)
            if (given == 1).all()
            else cluster_bootstrap(
                lambda drawn: np.asarray((drawn @ sums) / (drawn @ given)), sums.size, np.random.default_rng(of.seed)
            )
        )
        return {f"{CHANGE} instruction {self.way}": found}


class Kinds:
    """The share that is followed strictly of each kind of instruction, over the prompts that have it."""

    def columns(self, of: Answers) -> dict[str, Metric]:
        kinds = of.by_items(lambda score: score.record["instructions"])
        return {
            f"instruction strict {kind}": share_estimate(
                of.units(_followed(of, "strict", kind)), np.array([some.count(kind) or np.nan for some in kinds])
            )
            for kind in sorted({kind for some in kinds for kind in some})
        }


@dataclass(frozen=True)
class ByPole:
    """The same columns of each pole by itself."""

    of_all: Column

    def columns(self, of: Answers) -> dict[str, Metric]:
        return by_target(self.of_all.columns, of)


def _change(headline: BoardMetric, name: str) -> BoardMetric:
    return difference(headline, name, change_of_share, beyond(FOLLOWS_LESS, higher=False) if name == CHANGE else None)


_SHARES: tuple[Column, ...] = (prompt_strict, prompt_loose, Instructions("strict"), Instructions("loose"))
_HEADLINE_CHANGE = _change(prompt_strict, CHANGE)
METRICS: Sequence[Column] = (
    *_SHARES,
    *map(ByPole, _SHARES),
    _HEADLINE_CHANGE,
    _change(prompt_loose, f"{CHANGE} prompt loose"),
    InstructionsChange("strict"),
    InstructionsChange("loose"),
    ByPole(_HEADLINE_CHANGE),
    Kinds(),
    cut_off,
    tokens,
)


def nothing_to_lose(plain: Answers) -> str:
    """Whether the model, as it is, follows too little for a loss to be seen."""
    by_prompt = plain.units(_all_followed(plain, "strict"))
    if by_prompt.sum() >= FEWEST:
        return ""
    return f"the unsteered model follows {by_prompt.sum():g} of {by_prompt.size} prompts; there is nothing to lose"


def _all_followed(of: Answers, way: Way) -> Array:
    """[targets, prompts]: 1 if all instructions of a prompt are followed."""
    return of.each(lambda score: all(score.record[way]))


def _followed(of: Answers, way: Way, kind: str = "") -> Array:
    """[targets, prompts]: how many instructions of a prompt are followed; of one kind, nan where there is none."""

    def count(score: Score) -> float | None:
        passed = zip(score.record["instructions"], score.record[way], strict=True)
        own = [ok for named, ok in passed if kind in ("", named)]
        return sum(own) if own else None

    return of.each(count)


def _given(of: Answers) -> Array:
    """[prompts]: how many instructions a prompt has; at least one."""
    return np.array(of.by_items(lambda score: len(score.record["instructions"])), dtype=np.float64)
