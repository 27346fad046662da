"""Accuracy of reasoning answers: each method's, by pole, and its difference from the unsteered model's.

An answer that cannot be read counts as wrong in the headline, and how many there are is a metric. A row that the most
frequent right answer, said to every problem, would match is flagged. Intervals are over problems, whose poles stay
together.
"""

from collections import Counter
from collections.abc import Mapping

from scipy import stats

from steerbench.contracts import Metric, Role
from steerbench.contracts.flags import Flag, flag_kind
from steerbench.records.standing import SIGNIFICANT
from steerbench.statistics import FEWEST
from steerbench.toolkit.boards.answers import Answers
from steerbench.toolkit.boards.board import BESIDE_UNSTEERED
from steerbench.toolkit.boards.metric import above, beyond
from steerbench.toolkit.boards.named import accuracy, change, tokens, unscored
from steerbench.toolkit.flags import percent
from steerbench.toolkit.reading.readings import READ

OFTEN_UNREADABLE = 0.2

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
ROLES: Mapping[str, Role] = {**BESIDE_UNSTEERED, GOLD: "control"}


def like_a_constant(of: Answers, found: Metric) -> Flag | None:
    """That the most frequent right answer, said to every problem, would be as accurate."""
    usual, share = usual_answer(of)
    return LIKE_A_CONSTANT(usual=usual, share=share) if found.value <= share else None


METRICS = (
    accuracy.flagged(like_a_constant),
    change(accuracy).flagged(beyond(LESS_ACCURATE, higher=False)),
    unscored.called("unreadable rate").flagged(above(OFTEN_UNREADABLE, OFTEN_UNREAD)),
    tokens,
)


def usual_answer(of: Answers) -> tuple[str, float]:
    """The most frequent right answer, and the share of problems that it is right on."""
    gold = of.by_items(lambda score: str(score.record["gold"]))
    (usual, times), *_ = Counter(gold).most_common(1)
    return usual, times / len(gold)


def nothing_to_lose(plain: Answers) -> str:
    """Whether the model, as it is, answers no better than a constant: then nothing that steering spoils is seen."""
    usual, share = usual_answer(plain)
    # The poles of the unsteered model are the same answers, so that a problem is right or not.
    right, problems = round(plain.units(plain.each(lambda score: score.loss == 0)).sum()), len(plain.items)
    by_chance = stats.binomtest(right, problems, share, alternative="greater").pvalue
    if right >= FEWEST and by_chance < SIGNIFICANT:
        return ""
    return (
        f"the unsteered model is right on {right} of {problems} problems, not clearly more than always saying "
        f"{usual}; there is nothing to lose"
    )


def unread(metrics: Mapping[str, Mapping[str, Metric]]) -> str:
    """Why the board can judge no method: of the answers that were told, not clearly half are read as right.

    Clearly: with all of the interval. "" if they are, or if nothing was told.
    """
    told = metrics.get(GOLD, {}).get(accuracy.name)
    if told is None or told.n < FEWEST or (told.low is not None and told.low > READ):
        return ""
    return (
        "answers cannot be read from this model's text: told the right answer, it is read as right on "
        f"{percent(told.value)} of {told.n} problems"
    )
