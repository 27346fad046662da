"""Effects of treatments as a board: how far answers on each trait move per point of dose on one of them.

What was sampled is people, so intervals resample people; a person's value is the mean over their copies. An effect is
counted per point of dose that was asked for, not per point that arrived: what the end of the scale took is lost to the
method too, and `points added` says how much arrived.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric, Role, Scored, Summary
from steerbench.contracts.flags import Flag
from steerbench.contracts.targets import TRAITS
from steerbench.statistics import (
    debiased_size,
    mean_estimate,
    means_where,
    share_estimate,
)
from steerbench.toolkit.boards.board import comparisons
from tasks.papi.flags import LIKE_PLACEBO, NO_EFFECT, UNREAD_CAUSAL
from tasks.papi.treatment import DOSES, HIGHEST, LOWEST, Treatment

Array = NDArray[np.float64]
LETTERS = list(TRAITS)
PLACES = range(len(LETTERS))

EFFECT = "effect"
BEYOND_PLACEBO = "beyond placebo"
SPILL_OVER = "spill-over"
SIZE_OF_SPILL_OVER = "size of spill-over"
POINTS = "points added"
LEFT_OUT = "copies left out"
MISSING_RATE = "missing rate"

UNSTEERED = "unsteered"
PLACEBO = "random-direction"
ROLES: Mapping[str, Role] = {UNSTEERED: "unsteered", PLACEBO: "placebo"}


def summarise(
    rows: Mapping[str, Sequence[Scored]], people: Sequence[str], treatments: Mapping[str, Treatment], seed: int
) -> Summary:
    """Metrics, comparisons with the rows to beat and flags of every row that has scored items.

    `treatments` are those of the copies, by their ids. Every metric is drawn from `seed` afresh.
    """
    read = {name: Effects.of(scored, people, treatments) for name, scored in rows.items() if scored}
    own = {name: row.own() for name, row in read.items()}
    # A comparison is of losses, and an effect is a gain.
    losses = {name: -_person_means(effects) for name, effects in own.items()}
    compared = comparisons(losses, ROLES, seed)
    given = _of_treatments(people, treatments)
    metrics = {name: _metrics(name, read, seed) | given for name in read}
    flags = {name: [] if name in ROLES else _flags(metrics[name]) for name in read}
    return Summary(metrics, compared, flags, higher_is_better=True, over="people")


@dataclass(frozen=True, eq=False)
class Effects:
    """What one row's answers did.

    `by_trait` [people, traits treated, doses, traits measured]: the change of the expected score from the person to the
    copy, divided by the dose, mean over the person's items; nan for a copy left out, or where nothing could be read.
    `unreadable` [people]: share of the answers of a person and their copies that could not be read.
    """

    by_trait: Array
    unreadable: Array

    @classmethod
    def of(cls, scored: Sequence[Scored], people: Sequence[str], treatments: Mapping[str, Treatment]) -> "Effects":
        place = {person: row for row, person in enumerate(people)}
        plain = {(one.target, one.item): _expected(one) for one in scored if one.target in place}
        shape = len(people), len(LETTERS), len(DOSES), len(LETTERS)
        sums, counts = np.zeros(shape), np.zeros(shape)
        asked, unread = np.zeros(len(people)), np.zeros(len(people))
        for one in scored:
            treatment = treatments.get(one.target)
            person = treatment.person if treatment else one.target
            after, before = _expected(one), plain[person, one.item]
            asked[place[person]] += 1
            unread[place[person]] += np.isnan(after)
            if treatment is not None and not np.isnan(after - before):
                dose = DOSES.index(treatment.dose)
                cell = place[person], LETTERS.index(treatment.trait), dose, LETTERS.index(one.score.record["trait"])
                sums[cell] += (after - before) / treatment.dose
                counts[cell] += 1
        by_trait = np.divide(sums, counts, out=np.full(shape, np.nan), where=counts > 0)
        return cls(by_trait, np.divide(unread, asked, out=np.full(len(people), np.nan), where=asked > 0))

    def own(self) -> Array:
        """[people, traits, doses]: effects on the trait that was treated."""
        return np.moveaxis(self.by_trait[:, PLACES, :, PLACES], 0, 1)

    def others(self) -> dict[tuple[int, int], Array]:
        """By trait treated and another measured, the effects [people, doses]."""
        return {(s, t): self.by_trait[:, s, :, t] for s, t in product(PLACES, PLACES) if s != t}


def _expected(one: Scored) -> float:
    """The expected tick as a score, high for high on the trait; nan if it could not be read."""
    tick = one.score.record["expected"]
    if tick is None:
        return np.nan
    return float(tick if one.score.record["key"] == 1 else LOWEST + HIGHEST - tick)


def _metrics(name: str, read: Mapping[str, Effects], seed: int) -> dict[str, Metric]:
    """A row's own, headline first; but for the headline, those that are undefined for it are absent."""
    row = read[name]
    own, others = row.own(), row.others()
    pairs = {pair: _person_means(effects) for pair, effects in others.items()}
    found: dict[str, Metric | None] = {EFFECT: _mean(own) or Metric(math.nan)}
    found |= {f"{EFFECT} {letter}": _mean(own[:, trait]) for trait, letter in enumerate(LETTERS)}
    found |= {f"{EFFECT} {dose:+d}": _mean(own[:, :, place]) for place, dose in enumerate(DOSES)}
    if PLACEBO in read and name != PLACEBO:
        placebo = _person_means(read[PLACEBO].own())
        found[BEYOND_PLACEBO] = _mean(_person_means(own) - placebo)
    found[SPILL_OVER] = _mean(np.stack(list(pairs.values()), axis=1))
    found |= {f"{SPILL_OVER} {LETTERS[s]} on {LETTERS[t]}": _mean(effects) for (s, t), effects in pairs.items()}
    found[SIZE_OF_SPILL_OVER] = _size(np.stack(list(pairs.values()), axis=1), seed)
    found[MISSING_RATE] = None if np.isnan(row.unreadable).all() else share_estimate(row.unreadable)
    return {metric: estimate for metric, estimate in found.items() if estimate is not None}


def _of_treatments(people: Sequence[str], treatments: Mapping[str, Treatment]) -> dict[str, Metric]:
    """What the copies are, whatever the row: points that arrived per point of dose, and how many were left out."""
    points = np.full((len(people), len(LETTERS), len(DOSES)), np.nan)
    for given in treatments.values():
        cell = people.index(given.person), LETTERS.index(given.trait), DOSES.index(given.dose)
        points[cell] = given.points / abs(given.dose)
    left_out = Metric(float(np.isnan(points).sum()), n=len(people))
    arrived = _mean(points)
    return {LEFT_OUT: left_out} if arrived is None else {POINTS: arrived, LEFT_OUT: left_out}


def _person_means(values: Array) -> Array:
    """[people]: mean of all there is of a person in `values` [people, ...], nan if there is nothing."""
    flat = values.reshape(len(values), -1)
    return means_where(flat, ~np.isnan(flat))


def _mean(values: Array) -> Metric | None:
    """Mean over people of their means, None if nobody has a value."""
    means = _person_means(values)
    return None if np.isnan(means).all() else mean_estimate(means)


def _size(pairs: Array, seed: int) -> Metric | None:
    """The typical size of a pair's mean effect, from pairs [people, pairs], without what noise adds to it."""
    if not ((~np.isnan(pairs)).sum(axis=0) >= 2).any():
        return None
    return debiased_size(pairs, np.random.default_rng(seed))


def _flags(metrics: Mapping[str, Metric]) -> list[Flag]:
    """What a reader of the table must not miss."""
    flags = []
    if _holds_nothing(metrics[EFFECT]):
        flags.append(NO_EFFECT())
    if BEYOND_PLACEBO in metrics and _holds_nothing(metrics[BEYOND_PLACEBO]):
        flags.append(LIKE_PLACEBO())
    if MISSING_RATE in metrics and metrics[MISSING_RATE].value > 0:
        flags.append(UNREAD_CAUSAL(share=metrics[MISSING_RATE].value))
    return flags


def _holds_nothing(metric: Metric) -> bool:
    """Whether 0 lies in an estimate's interval; one that has none excludes nothing."""
    return metric.low is None or metric.high is None or metric.low <= 0 <= metric.high
