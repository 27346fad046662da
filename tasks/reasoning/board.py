"""Accuracy of reasoning answers: each method's, by pole, and its difference from the unsteered model's.

An answer that cannot be read counts as wrong in the headline, and how many there are is a metric. A row that the most
frequent right answer, said to every problem, would match is flagged.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from steerbench.contracts import Metric, Role, Scored, Summary
from steerbench.contracts.flags import Flag, flag_kind
from steerbench.records.standing import SIGNIFICANT
from steerbench.statistics import FEWEST, change_of_share, mean_estimate, share_estimate
from steerbench.toolkit.beside_unsteered import CHANGE, UNSTEERED, beside_unsteered, lowered
from steerbench.toolkit.flags import percent

Array = NDArray[np.float64]

ACCURACY = "accuracy"
UNREADABLE = "unreadable rate"
TOKENS = "tokens"

OFTEN_UNREADABLE = 0.2
READ = 0.5
"""The share of the answers that were told of which more have to be read as right."""

BOARDS = "reasoning, knowledge"
OFTEN_UNREAD = flag_kind(
    "reasoning/unreadable",
    "{share:%} unreadable",
    BOARDS,
    "more than 20 % of the answers state none; they count as wrong",
)
LIKE_A_CONSTANT = flag_kind(
    "reasoning/like-a-constant",
    "not more accurate than always saying {usual} ({share:%})",
    BOARDS,
    "saying the most frequent right answer to everything would do as well",
)
LESS_ACCURATE = flag_kind(
    "reasoning/less-accurate",
    "less accurate than unsteered",
    BOARDS,
    "the interval of the change lies below 0",
)

GOLD = "gold-in-prompt"
ROLES: Mapping[str, Role] = {UNSTEERED: "unsteered", GOLD: "control"}


def summarise(rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
    """Every row beside the unsteered one; intervals are over problems, whose poles stay together."""
    found = beside_unsteered({n: of for n, of in rows.items() if n != GOLD}, ReasoningAnswers, seed, over="problems")
    if not rows.get(GOLD):
        return found
    # By itself: it is asked fewer problems, and it is compared with nothing.
    told = ReasoningAnswers(rows[GOLD])
    metrics = {**found.metrics, GOLD: told.metrics(None, seed)}
    flags = {**found.flags, GOLD: []}
    return replace(found, metrics=metrics, flags=flags, cannot_tell=unread(metrics) or found.cannot_tell)


def unread(metrics: Mapping[str, Mapping[str, Metric]]) -> str:
    """Why the board can judge no method: of the answers that were told, not clearly half are read as right.

    Clearly: with all of the interval. "" if they are, or if nothing was told.
    """
    told = metrics.get(GOLD, {}).get(ACCURACY)
    if told is None or told.n < FEWEST or (told.low is not None and told.low > READ):
        return ""
    return (
        "answers cannot be read from this model's text: told the right answer, it is read as right on "
        f"{percent(told.value)} of {told.n} problems"
    )


class ReasoningAnswers:
    """A row as arrays [poles, problems]."""

    def __init__(self, scored: Sequence[Scored]) -> None:
        self.poles = list(dict.fromkeys(one.target for one in scored))
        self.problems = list(dict.fromkeys(one.item for one in scored))
        shape = len(self.poles), len(self.problems)
        self.right, self.readable, self.tokens = np.zeros(shape), np.zeros(shape), np.full(shape, np.nan)
        self.gold: dict[str, str] = {}
        at = {pole: n for n, pole in enumerate(self.poles)}, {item: n for n, item in enumerate(self.problems)}
        for one in scored:
            place = at[0][one.target], at[1][one.item]
            self.right[place] = one.score.loss == 0
            self.readable[place] = one.score.loss is not None
            self.tokens[place] = one.score.record.get("tokens", np.nan)
            self.gold[one.item] = str(one.score.record["gold"])

    @property
    def usual_answer(self) -> tuple[str, float]:
        """The most frequent right answer, and the share of problems that it is right on."""
        (usual, times), *_ = Counter(self.gold.values()).most_common(1)
        return usual, times / len(self.gold)

    def nothing_to_lose(self) -> str:
        """Whether the model, as it is, answers no better than a constant: then nothing that steering spoils is seen."""
        usual, share = self.usual_answer
        # The poles of the unsteered model are the same answers, so that a problem is right or not.
        right, problems = round(self.right.mean(axis=0).sum()), len(self.problems)
        by_chance = stats.binomtest(right, problems, share, alternative="greater").pvalue
        if right >= FEWEST and by_chance < SIGNIFICANT:
            return ""
        return (
            f"the unsteered model is right on {right} of {problems} problems, not clearly more than always saying "
            f"{usual}; there is nothing to lose"
        )

    def losses(self) -> Array:
        """[problems]: the share of poles under which a problem is not answered rightly."""
        return np.asarray(1 - self.right.mean(axis=0))

    def metrics(self, plain: "ReasoningAnswers | None", seed: int) -> dict[str, Metric]:
        found = {ACCURACY: _share(self.right)}
        if len(self.poles) > 1:
            found |= {f"{ACCURACY} {p}": _share(self.right[n : n + 1]) for n, p in enumerate(self.poles)}
        if plain is not None:
            differences = self.right - plain.right
            found[CHANGE] = _change(differences)
            if len(self.poles) > 1:
                found |= {f"{CHANGE} {p}": _change(differences[n : n + 1]) for n, p in enumerate(self.poles)}
        found[UNREADABLE] = _share(1 - self.readable)
        if not np.isnan(self.tokens).any():
            found[TOKENS] = mean_estimate(self.tokens.mean(axis=0))
        return found

    def flags(self, metrics: Mapping[str, Metric]) -> list[Flag]:
        """What a reader of the table must not miss."""
        flags = []
        usual, share = self.usual_answer
        if metrics[ACCURACY].value <= share:
            flags.append(LIKE_A_CONSTANT(usual=usual, share=share))
        if lowered(metrics):
            flags.append(LESS_ACCURATE())
        if metrics[UNREADABLE].value > OFTEN_UNREADABLE:
            flags.append(OFTEN_UNREAD(share=metrics[UNREADABLE].value))
        return flags


def _share(hits: Array) -> Metric:
    """Share of `hits` [poles, problems], over problems."""
    return share_estimate(hits.mean(axis=0))


def _change(changes: Array) -> Metric:
    """Mean of the changes [poles, problems] of being right, over problems."""
    return change_of_share(changes.mean(axis=0))
