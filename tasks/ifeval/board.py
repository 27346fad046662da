"""How many instructions are followed: by prompt (all of its instructions) and by instruction, strictly and loosely.

Intervals are over prompts, whose instructions and poles stay together; so the share of instructions is a ratio of sums.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from steerbench.contracts import Metric, Score
from steerbench.contracts.flags import flag_kind
from steerbench.statistics import FEWEST, change_of_share, cluster_bootstrap, share_estimate
from steerbench.toolkit.boards.answers import Answers, Array
from steerbench.toolkit.boards.metric import Columns, above, beyond, by_target, difference, metric
from steerbench.toolkit.boards.named import CHANGE, tokens

Way = Literal["strict", "loose"]
WAYS: Sequence[Way] = ("strict", "loose")

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


def instructions(of: Answers) -> dict[str, Metric]:
    """The share of instructions that are followed."""
    return {f"instruction {way}": share_estimate(of.units(_followed(of, way)), _given(of)) for way in WAYS}


def instruction_changes(of: Answers) -> dict[str, Metric]:
    """How far it is from the unsteered row's."""
    return {} if of.plain is None else {f"{CHANGE} instruction {way}": _change(of, of.plain, way) for way in WAYS}


def kinds(of: Answers) -> dict[str, Metric]:
    """The share that is followed strictly of each kind of instruction, over the prompts that have it."""
    given = of.by_items(lambda score: score.record["instructions"])
    return {
        f"instruction strict {kind}": share_estimate(
            of.units(_followed(of, "strict", kind)), np.array([some.count(kind) or np.nan for some in given])
        )
        for kind in sorted({kind for some in given for kind in some})
    }


change = difference(prompt_strict, CHANGE, change_of_share, beyond(FOLLOWS_LESS, higher=False))


def shares_by_pole(of: Answers) -> dict[str, Metric]:
    """The four shares of each pole by itself."""
    return by_target(lambda pole: {**prompt_strict(pole), **prompt_loose(pole), **instructions(pole)}, of)


def change_by_pole(of: Answers) -> dict[str, Metric]:
    """The headline's change of each pole by itself."""
    return by_target(change, of)


METRICS: Sequence[Columns] = (
    prompt_strict,
    prompt_loose,
    instructions,
    shares_by_pole,
    change,
    difference(prompt_loose, f"{CHANGE} prompt loose", change_of_share),
    instruction_changes,
    change_by_pole,
    kinds,
    cut_off,
    tokens,
)


def nothing_to_lose(plain: Answers) -> str:
    """Whether the model, as it is, follows too little for a loss to be seen."""
    by_prompt = plain.units(_all_followed(plain, "strict"))
    if by_prompt.sum() >= FEWEST:
        return ""
    return f"the unsteered model follows {by_prompt.sum():g} of {by_prompt.size} prompts; there is nothing to lose"


def _change(of: Answers, plain: Answers, way: Way) -> Metric:
    """A ratio of sums over prompts; a mean over them if each has one instruction."""
    given, sums = _given(of), of.units(_followed(of, way) - _followed(plain, way))
    if (given == 1).all():
        return change_of_share(sums)
    return cluster_bootstrap(
        lambda drawn: np.asarray((drawn @ sums) / (drawn @ given)), sums.size, np.random.default_rng(of.seed)
    )


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
