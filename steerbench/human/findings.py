"""The figures of a study, for `steerbench human import`."""

import statistics
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from steerbench import contracts
from steerbench.human import agreement
from steerbench.human.decisions import QuestionDecisions, judged
from steerbench.human.responses import Response
from steerbench.human.study import Key, Mode
from steerbench.records.results import MetricRecord, metrics
from steerbench.statistics import holm, mean_estimate, sign_flip_test
from steerbench.storage.json_models import FrozenModel

SCHEMA = 1


class Annotator(FrozenModel):
    """A person: their self-chosen code, number of decided screens, and median seconds per screen."""

    name: str
    decided: int
    seconds: float


class Ranked(FrozenModel):
    """A method's mean rank (1 is best) and the number of complete rankings; None if there is none."""

    rank: MetricRecord | None
    rankings: int


class MethodPair(FrozenModel):
    """Wins, ties and losses of the first method against the second.

    `net` is the share of wins minus the share of losses, averaged over questions; its p is from a sign-flip test.
    """

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    net: MetricRecord
    p: float
    p_holm: float


class AnnotatorAgreement(FrozenModel):
    """Two people, by code: of the pairs of answers that both ordered, the share ordered alike."""

    annotators: tuple[str, str]
    alike: MetricRecord | None


class JudgeAgreement(FrozenModel):
    """The judge's agreement with people (`human.agreement`). `tied`: pairs that people ordered and it rated equal."""

    name: str
    correlation: MetricRecord | None
    alike: MetricRecord | None
    tied: float | None


class Findings(FrozenModel):
    """All figures of a study. Intervals are 95 %, over questions, and do not generalise to other people.

    Only those of `alike_over_people` and `alpha_over_people` are over people (jackknife); they need three people.
    """

    schema_version: int = SCHEMA
    study: str
    mode: Mode
    screens: int
    questions: int
    annotators: list[Annotator]
    methods: dict[str, Ranked]
    pairs: list[MethodPair]
    agreement: list[AnnotatorAgreement]
    alike: MetricRecord | None
    alpha: MetricRecord | None
    alike_over_people: MetricRecord | None = None
    alpha_over_people: MetricRecord | None = None
    judge: JudgeAgreement | None


def find(key: Key, responses: Sequence[Response]) -> Findings:
    """Compute the figures from people's responses."""
    decisions, seed = judged(key, responses), key.seed
    names = [response.annotator for response in responses]
    return Findings(
        study=key.study,
        mode=key.mode,
        screens=key.screens,
        questions=len({one.name for one in decisions}),
        annotators=[_annotator(response) for response in responses],
        methods=_ranked(key, decisions, seed),
        pairs=_pairs(key, decisions, seed),
        agreement=[
            AnnotatorAgreement(
                annotators=(names[one], names[other]),
                alike=_written(agreement.between_two(decisions, one, other, seed)),
            )
            for one, other in combinations(range(len(names)), 2)
        ],
        alike=_written(agreement.between_people(decisions, len(names), seed)),
        alpha=_written(agreement.alpha(decisions, seed)),
        alike_over_people=_written(
            agreement.over_annotators(decisions, len(names), lambda some: agreement.share_alike(some, len(names)))
        ),
        alpha_over_people=_written(agreement.over_annotators(decisions, len(names), agreement.alpha_of)),
        judge=_judge(key, decisions, seed),
    )


def _annotator(response: Response) -> Annotator:
    seconds = statistics.median(decision.ms for decision in response.answers) / 1000
    return Annotator(name=response.annotator, decided=len(response.answers), seconds=seconds)


def _ranked(key: Key, decisions: Sequence[QuestionDecisions], seed: int) -> dict[str, Ranked]:
    """By method, best first: its mean rank."""
    ranks: dict[str, list[tuple[int, float]]] = {method: [] for method in key.methods}
    for one in decisions:
        if one.whole:
            for method, rank in one.method_ranks().items():
                ranks[method].append((one.cluster, rank))
    found = {m: Ranked(rank=_written(_mean(given, seed)), rankings=len(given)) for m, given in ranks.items()}
    return dict(sorted(found.items(), key=_place))


def _place(row: tuple[str, Ranked]) -> float:
    rank = row[1].rank
    return float("inf") if rank is None or rank.value is None else rank.value


def _pairs(key: Key, decisions: Sequence[QuestionDecisions], seed: int) -> list[MethodPair]:
    signs: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for one in decisions:
        for pair, sign in one.of_methods().items():
            signs.setdefault(pair, []).append((one.cluster, sign))
    # In the order in which the study names the methods, not alphabetical.
    order = {method: place for place, method in enumerate(key.methods)}
    turned = {
        pair if order[pair[0]] < order[pair[1]] else (pair[1], pair[0]): given
        if order[pair[0]] < order[pair[1]]
        else [(cluster, -sign) for cluster, sign in given]
        for pair, given in signs.items()
    }
    p_values = {pair: sign_flip_test(_by_cluster(given), np.random.default_rng(seed)) for pair, given in turned.items()}
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    return [
        MethodPair(
            first=first,
            second=second,
            **_counts([sign for _, sign in turned[first, second]]),
            net=metrics({"net": mean_estimate(_by_cluster(turned[first, second]))})["net"],
            p=p_values[first, second],
            p_holm=adjusted[first, second],
        )
        for first, second in sorted(turned, key=lambda pair: (order[pair[0]], order[pair[1]]))
    ]


def _counts(signs: Sequence[int]) -> Mapping[str, int]:
    return {"wins": signs.count(1), "ties": signs.count(0), "losses": signs.count(-1)}


def _judge(key: Key, decisions: Sequence[QuestionDecisions], seed: int) -> JudgeAgreement | None:
    if not key.judge:
        return None
    alike, tied = agreement.judge_order(decisions, seed)
    correlation = agreement.judge_correlation(decisions, seed)
    return JudgeAgreement(name=key.judge, correlation=_written(correlation), alike=_written(alike), tied=tied)


def _by_cluster(given: Sequence[tuple[int, float]]) -> agreement.Array:
    """[questions]: the mean of each question over the people who decided on it, and over its two poles."""
    values: dict[int, list[float]] = {}
    for cluster, value in given:
        values.setdefault(cluster, []).append(value)
    return np.array([np.mean(values[cluster]) for cluster in sorted(values)])


def _mean(given: Sequence[tuple[int, float]], seed: int) -> contracts.Metric | None:
    return mean_estimate(_by_cluster(given)) if given else None


def _written(found: contracts.Metric | None) -> MetricRecord | None:
    return None if found is None else metrics({"": found})[""]
