"""Agreement of people with each other and with the judge, with intervals over questions or over people."""

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import krippendorff
import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from steerbench.contracts import Metric
from steerbench.human.decisions import QuestionDecisions
from steerbench.human.study import StudyQuestion
from steerbench.statistics import cluster_bootstrap, jackknife_estimate, mean_estimate, share_estimate

Array = NDArray[np.float64]


def between_two(decisions: Sequence[QuestionDecisions], one: int, other: int, seed: int) -> Metric | None:
    """Of the pairs of answers that two people both ordered, the share that they ordered alike."""
    return _share(_agreed(decisions, one, other), seed)


def between_people(decisions: Sequence[QuestionDecisions], people: int, seed: int) -> Metric | None:
    """`between_two` over all pairs of people."""
    return _share([a for one, other in combinations(range(people), 2) for a in _agreed(decisions, one, other)], seed)


def over_annotators(
    decisions: Sequence[QuestionDecisions], people: int, found: Callable[[Sequence[QuestionDecisions]], float]
) -> Metric | None:
    """An agreement with its jackknife interval over the people, which generalises to other people.

    `found` computes the agreement of some decisions (nan if undefined). None if it is undefined for all of them.
    """
    value = found(decisions)
    if math.isnan(value):
        return None
    without = [found([one for one in decisions if one.annotator != left_out]) for left_out in range(people)]
    return jackknife_estimate(value, np.array(without))


def share_alike(decisions: Sequence[QuestionDecisions], people: int) -> float:
    """The value of `between_people`; nan if no two people ordered the same pair."""
    agreed = [alike for one, other in combinations(range(people), 2) for _, alike in _agreed(decisions, one, other)]
    return float(np.mean(agreed)) if agreed else math.nan


def alpha_of(decisions: Sequence[QuestionDecisions]) -> float:
    """The value of `alpha`; nan if no answer was ranked by two people."""
    ranked = _ranked(decisions)
    return math.nan if ranked is None else _alpha(ranked[0], ranked[2])


def alpha(decisions: Sequence[QuestionDecisions], seed: int) -> Metric | None:
    """Krippendorff's ordinal alpha of the answers' ranks; None if no answer was ranked by two people.

    A unit is an answer to a question; its values are the ranks that people gave it.
    """
    ranked = _ranked(decisions)
    if ranked is None:
        return None
    counts, cluster, domain = ranked

    def of_resamples(drawn: Array) -> Array:
        return np.array([_alpha(np.repeat(counts, times.astype(int)[cluster], axis=0), domain) for times in drawn])

    return cluster_bootstrap(of_resamples, int(cluster.max()) + 1, np.random.default_rng(seed))


def _ranked(decisions: Sequence[QuestionDecisions]) -> tuple[NDArray[np.int64], NDArray[np.int64], list[float]] | None:
    """Counts of ranks [answers, ranks], each answer's cluster [answers], and the ranks.

    Only answers that two or more people ranked; None if there are none.
    """
    by_question: dict[str, list[QuestionDecisions]] = {}
    for one in decisions:
        if one.whole:
            by_question.setdefault(one.name, []).append(one)
    units, clusters = [], []
    for several in by_question.values():
        if len(several) > 1:
            ranks = [one.answer_ranks() for one in several]
            units += [[given[answer] for given in ranks] for answer in several[0].question.answers]
            clusters += [several[0].cluster] * len(several[0].question.answers)
    if not units:
        return None
    domain = sorted({rank for unit in units for rank in unit})
    counts = np.array([[unit.count(rank) for rank in domain] for unit in units])
    return counts, np.unique(clusters, return_inverse=True)[1], domain


def _alpha(counts: NDArray[np.int64], domain: Sequence[float]) -> float:
    used = counts.any(axis=0)
    if used.sum() < 2:
        return float("nan")  # with one rank only there is nothing to disagree about
    values = np.asarray(domain)[used]
    return float(krippendorff.alpha(value_counts=counts[:, used], value_domain=values, level_of_measurement="ordinal"))


def judge_order(decisions: Sequence[QuestionDecisions], seed: int) -> tuple[Metric | None, float | None]:
    """Of the pairs that a person and the judge both ordered, the share ordered alike; and the judge's ties.

    The ties are the share of pairs that a person ordered and the judge rated equal. Pairs without ratings are ignored.
    """
    agreed, tied, ordered = [], 0, 0
    for one in decisions:
        for (first, second), sign in one.signs.items():
            towards = _difference(one.question, first, second)
            if sign and towards is not None:
                ordered += 1
                tied += towards == 0
                if towards:
                    agreed.append((one.cluster, sign == np.sign(towards)))
    return _share(agreed, seed), tied / ordered if ordered else None


def judge_correlation(decisions: Sequence[QuestionDecisions], seed: int) -> Metric | None:
    """Spearman correlation of the judge's ratings with people's mean ranks within a question, averaged over questions.

    +1 means that the judge orders each question's answers as people do. Questions with constant ratings or constant
    mean ranks are left out.
    """
    by_question: dict[str, list[QuestionDecisions]] = {}
    for one in decisions:
        if one.whole:
            by_question.setdefault(one.name, []).append(one)
    by_cluster: dict[int, list[float]] = {}
    for several in by_question.values():
        found = _correlation(several)
        if found is not None:
            by_cluster.setdefault(several[0].cluster, []).append(found)
    if not by_cluster:
        return None
    return mean_estimate(np.array([np.mean(found) for found in by_cluster.values()]))


def _correlation(several: Sequence[QuestionDecisions]) -> float | None:
    question = several[0].question
    rated = [answer for answer, shown in question.answers.items() if shown.rating is not None]
    ranks = [one.answer_ranks() for one in several]
    people = [-float(np.mean([given[answer] for given in ranks])) for answer in rated]
    ratings = [_towards(question, answer) for answer in rated]
    if len(set(people)) < 2 or len(set(ratings)) < 2:
        return None
    return float(spearmanr(people, ratings).statistic)


def _towards(question: StudyQuestion, answer: str) -> float | None:
    """The judge's rating, signed so that higher means closer to the target pole."""
    rating = question.answers[answer].rating
    return None if rating is None else rating if question.high else -rating


def _difference(question: StudyQuestion, first: str, second: str) -> float | None:
    one, other = _towards(question, first), _towards(question, second)
    return None if one is None or other is None else one - other


def _agreed(decisions: Sequence[QuestionDecisions], one: int, other: int) -> list[tuple[int, bool]]:
    """(cluster, whether both people agree) for each pair of answers that both ordered."""
    others = {judged.name: judged.signs for judged in decisions if judged.annotator == other}
    return [
        (judged.cluster, sign == theirs)
        for judged in decisions
        if judged.annotator == one
        for pair, sign in judged.signs.items()
        if sign and (theirs := others.get(judged.name, {}).get(pair, 0))
    ]


def _share(agreed: Sequence[tuple[int, bool]], seed: int) -> Metric | None:
    """The share of agreements, with its interval over clusters."""
    if not agreed:
        return None
    cluster = np.unique([number for number, _ in agreed], return_inverse=True)[1]
    totals = np.bincount(cluster).astype(np.float64)
    alike = np.bincount(cluster, weights=[yes for _, yes in agreed]).astype(np.float64)
    return share_estimate(alike, totals)
