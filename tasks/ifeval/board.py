"""How many instructions are followed: by prompt (all of its instructions) and by instruction, strictly and loosely.

Intervals are over prompts, whose instructions and poles stay together; so the share of instructions is a ratio of sums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric, Scored, Summary
from steerbench.contracts.flags import Flag, flag_kind
from steerbench.statistics import FEWEST, change_of_share, cluster_bootstrap, mean_estimate, share_estimate
from steerbench.toolkit.beside_unsteered import CHANGE, beside_unsteered, lowered

Array = NDArray[np.float64]

PROMPT, INSTRUCTION = "prompt strict", "instruction strict"
SHARES = (PROMPT, "prompt loose", INSTRUCTION, "instruction loose")
CUT_OFF = "cut off"
TOKENS = "tokens"

OFTEN_CUT_OFF = 0.2
OFTEN_CUT = flag_kind(
    "ifeval/cut-off", "{share:%} cut off", "IFEval", "more than 20 % of the answers were cut at the token limit"
)
FOLLOWS_LESS = flag_kind(
    "ifeval/follows-less", "follows less than unsteered", "IFEval", "the interval of the change lies below 0"
)


def summarise(rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
    """Metrics of every row that has answers, and what each lost against the unsteered model."""
    return beside_unsteered(rows, IFEvalAnswers, seed, over="prompts")


@dataclass(frozen=True, eq=False)
class FollowedCounts:
    """Of `given` [prompts] the number that is `followed` [poles, prompts]; every prompt has some."""

    followed: Array
    given: Array

    def share(self, seed: int, plain: "FollowedCounts | None" = None) -> Metric:
        """The share followed, or how much larger it is than another row's."""
        if plain is None:
            return share_estimate(self.followed.mean(axis=0), self.given)
        sums = (self.followed - plain.followed).mean(axis=0)
        if (self.given == 1).all():
            return change_of_share(sums)
        return cluster_bootstrap(
            lambda drawn: np.asarray((drawn @ sums) / (drawn @ self.given)), sums.size, np.random.default_rng(seed)
        )

    def of_pole(self, place: int) -> "FollowedCounts":
        return FollowedCounts(self.followed[place : place + 1], self.given)


class IFEvalAnswers:
    """A row's counts by the name of their share, and by the kind of instruction."""

    def __init__(self, scored: Sequence[Scored]) -> None:
        self.poles = list(dict.fromkeys(one.target for one in scored))
        prompts = list(dict.fromkeys(one.item for one in scored))
        records = {(one.target, one.item): one.score.record for one in scored}
        grid = [[records[pole, prompt] for prompt in prompts] for pole in self.poles]
        kinds = [record["instructions"] for record in grid[0]]
        self.counts = {}
        for way in ("strict", "loose"):
            passed = [[record[way] for record in row] for row in grid]
            whole = np.array([[all(verdicts) for verdicts in row] for row in passed], dtype=np.float64)
            parts = np.array([[sum(verdicts) for verdicts in row] for row in passed], dtype=np.float64)
            self.counts[f"prompt {way}"] = FollowedCounts(whole, np.ones(len(prompts)))
            self.counts[f"instruction {way}"] = FollowedCounts(
                parts, np.array([len(k) for k in kinds], dtype=np.float64)
            )
        self.by_kind = {kind: _of_kind(kind, kinds, grid) for kind in sorted({k for some in kinds for k in some})}
        self.cut = np.array([[record["cut"] for record in row] for row in grid], dtype=np.float64)
        self.tokens = np.array([[record["tokens"] for record in row] for row in grid], dtype=np.float64)

    def losses(self) -> Array:
        """[prompts]: the share of poles under which a prompt is not followed."""
        return np.asarray(1 - self.counts[PROMPT].followed.mean(axis=0))

    def metrics(self, plain: "IFEvalAnswers | None", seed: int) -> dict[str, Metric]:
        found = {name: self.counts[name].share(seed) for name in SHARES}
        for name in SHARES:
            found |= {f"{name} {pole}": counts.share(seed) for pole, counts in self._by_pole(name)}
        if plain is not None:
            for name in SHARES:
                label = CHANGE if name == PROMPT else f"{CHANGE} {name}"
                found[label] = self.counts[name].share(seed, plain.counts[name])
            pairs = zip(self._by_pole(PROMPT), plain._by_pole(PROMPT), strict=True)
            found |= {f"{CHANGE} {pole}": counts.share(seed, other) for (pole, counts), (_, other) in pairs}
        found |= {f"{INSTRUCTION} {kind}": counts.share(seed) for kind, counts in self.by_kind.items()}
        found[CUT_OFF] = share_estimate(self.cut.mean(axis=0))
        found[TOKENS] = mean_estimate(self.tokens.mean(axis=0))
        return found

    def nothing_to_lose(self) -> str:
        """Whether the model, as it is, follows too little for a loss to be seen."""
        followed = self.counts[PROMPT].followed.mean(axis=0)
        if followed.sum() >= FEWEST:
            return ""
        return f"the unsteered model follows {followed.sum():g} of {followed.size} prompts; there is nothing to lose"

    def flags(self, metrics: Mapping[str, Metric]) -> list[Flag]:
        """What a reader of the table must not miss."""
        flags = []
        if lowered(metrics):
            flags.append(FOLLOWS_LESS())
        if metrics[CUT_OFF].value > OFTEN_CUT_OFF:
            flags.append(OFTEN_CUT(share=metrics[CUT_OFF].value))
        return flags

    def _by_pole(self, name: str) -> list[tuple[str, FollowedCounts]]:
        """The counts of each pole, if there are several."""
        several = self.poles if len(self.poles) > 1 else []
        return [(pole, self.counts[name].of_pole(place)) for place, pole in enumerate(several)]


def _of_kind(
    kind: str, kinds: Sequence[Sequence[str]], grid: Sequence[Sequence[Mapping[str, list[bool]]]]
) -> FollowedCounts:
    """Strict counts over the prompts that have the kind; some have it twice."""
    having = [place for place, some in enumerate(kinds) if kind in some]
    followed = [
        [sum(ok for k, ok in zip(kinds[n], row[n]["strict"], strict=True) if k == kind) for n in having] for row in grid
    ]
    given = [kinds[n].count(kind) for n in having]
    return FollowedCounts(np.array(followed, dtype=np.float64), np.array(given, dtype=np.float64))
