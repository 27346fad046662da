"""Compares matched methods in pairs: whether their effects on test questions are equal, and which has higher costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from steerbench import contracts
from steerbench.records.results import metrics
from steerbench.statistics import FEWEST, holm, mean_estimate, sign_flip_test
from steerbench.studies.tradeoff.choosing import DoseChoices, Terms, effects_of
from steerbench.studies.tradeoff.evidence import CALIBRATION, PLAIN, TEST, Array, Dose, Evidence
from steerbench.studies.tradeoff.matching import (
    Rematched,
    TestedDifference,
    along,
    interval,
    rematched,
    resampled_means,
    tested,
)
from steerbench.studies.tradeoff.result import EFFECT, Difference

Pair = tuple[Dose, Dose]
CALIBRATED, ASKED = 1, 2
"""Streams of random numbers: calibration questions are drawn independently of a cost's items."""


@dataclass(frozen=True)
class Matching:
    """The methods at the common effect, with their strengths in every resample of the calibration questions."""

    terms: Terms
    evidence: Evidence
    choice: DoseChoices

    @property
    def methods(self) -> list[str]:
        return [dose.method for dose in self.choice.matched]

    @cached_property
    def questions(self) -> int:
        """The number of calibration questions."""
        return len(self.evidence.effects(CALIBRATION, PLAIN))

    @cached_property
    def _curves(self) -> dict[str, Array]:
        """By method, effects [questions, doses]."""
        return {method: effects_of(self.evidence, self.terms.doses[method]).T for method in self.methods}

    @cached_property
    def again(self) -> Mapping[str, Rematched]:
        """By method, its strengths in the resamples."""
        assert self.choice.wanted is not None
        asked = self.terms.wanted
        wanted = asked if isinstance(asked, str) and asked in self.methods else self.choice.wanted
        effects = self.means_of(self._curves)
        return rematched(wanted, {method: self.terms.strengths[method] for method in self.methods}, effects)

    def means_of(self, columns: Mapping[str, Array]) -> dict[str, Array]:
        """Resampled means of [questions, columns] by method, with the same resamples for every method."""
        return _means(columns, self.terms.seed, CALIBRATED)

    def strength(self, method: str) -> contracts.Metric | None:
        """A matched strength with its interval over calibration questions; None for a method that is not matched."""
        if method not in self.methods or self.terms.dials[method] is None:
            return None
        value = self.choice.chosen[method].dose.strength
        if self.questions < FEWEST:
            return contracts.Metric(value, n=self.questions)
        return contracts.Metric(value, *interval(self.again[method].strengths, self.questions), self.questions)

    def unreached(self, method: str) -> float | None:
        """The share of resamples in which a matched method does not reach the wanted effect at any strength."""
        if method not in self.methods or self.terms.dials[method] is None or self.questions < FEWEST:
            return None
        return float(1 - self.again[method].reached.mean())


def differences(matching: Matching, sources: Mapping[str, str]) -> list[Difference]:
    """Every pair of methods at the common effect: first their effects on test questions, then each cost's prices.

    `sources` says by cost where its price is read. Prices are Holm-corrected over all pairs and costs. Effects are
    Holm-corrected separately, because they only test whether the match held.
    """
    effects = [_effect(matching, pair) for pair in combinations(matching.choice.matched, 2)]
    prices = [one for cost, source in sources.items() for one in _prices(matching, cost, source)]
    return [*_corrected(effects), *_corrected(prices)]


def _effect(matching: Matching, pair: Pair) -> Difference:
    """A paired test over test questions, at strengths that were chosen without these questions."""
    one, two = (matching.evidence.effects(TEST, dose) for dose in pair)
    seed, apart = matching.terms.seed, one - two
    if np.isnan(apart).any():
        return _difference(EFFECT, pair, _unread(EFFECT), {TEST: len(apart)})
    p = sign_flip_test(apart, np.random.default_rng(seed))
    found = TestedDifference(mean_estimate(apart), p)
    return _difference(EFFECT, pair, found, {TEST: len(apart)})


def _prices(matching: Matching, cost: str, source: str) -> list[Difference]:
    """The pairs' differences in measured prices, with intervals in which the strengths are resampled too."""
    pairs = list(combinations(matching.choice.matched, 2))
    if not pairs:
        return []
    prices = {dose.method: matching.evidence.prices(source, dose) for dose in matching.choice.matched}
    items = len(next(iter(prices.values())))
    over = {CALIBRATION: matching.questions, source: items}
    values = {pair: float((prices[pair[0].method] - prices[pair[1].method]).mean()) for pair in pairs}
    units = min(over.values())
    if any(np.isnan(price).any() for price in prices.values()):
        return [_difference(cost, pair, _unread(cost), over) for pair in pairs]
    if units < FEWEST:
        few = next(f"{count} {name}" for name, count in _named(over).items() if count == units)
        why = f"{few}, and resampling needs {FEWEST}"
        return [
            _difference(cost, p, TestedDifference(contracts.Metric(values[p], n=items), None, why), over) for p in pairs
        ]
    drawn = _own(matching, source, prices) if source == TEST else _of_task(matching, source, prices)
    return [
        _difference(cost, pair, tested(values[pair], drawn[pair[0].method] - drawn[pair[1].method], units, items), over)
        for pair in pairs
    ]


def _of_task(matching: Matching, source: str, measured: Mapping[str, Array]) -> dict[str, Array]:
    """By method, its price in every resample, read off its price curve, which includes the measured price."""
    knots, columns = {}, {}
    for dose in matching.choice.matched:
        known = {one: matching.evidence.prices(source, one) for one in matching.terms.doses[dose.method]}
        known[dose] = measured[dose.method]
        rising = sorted(known, key=lambda one: one.strength)
        knots[dose.method] = [one.strength for one in rising]
        columns[dose.method] = np.stack([known[one] for one in rising], axis=1)
    means = _means(columns, matching.terms.seed, ASKED)
    return {m: along(matching.again[m].strengths, knots[m], means[m]) for m in matching.methods}


def _own(matching: Matching, source: str, measured: Mapping[str, Array]) -> dict[str, Array]:
    """The same for the effect's own side cost, whose curve was measured on calibration questions.

    The price on test questions is shifted by the curve's difference between the resample's strength and the chosen one.
    The curve uses the same resampled questions as the resample's strength.
    """
    doses, again = matching.terms.doses, matching.again
    columns = {m: np.stack([matching.evidence.prices(CALIBRATION, d) for d in doses[m]], axis=1) for m in measured}
    curves = matching.means_of(columns)
    at = _means({m: own[:, None] for m, own in measured.items()}, matching.terms.seed, ASKED)
    found = {}
    for method, strength in ((dose.method, dose.strength) for dose in matching.choice.matched):
        knots = matching.terms.strengths[method]
        here = along(np.full(len(at[method]), strength), knots, curves[method])
        found[method] = at[method][:, 0] + along(again[method].strengths, knots, curves[method]) - here
    return found


def _means(columns: Mapping[str, Array], seed: int, stream: int) -> dict[str, Array]:
    """Resampled means by method, with the same units in the same resamples."""
    together = resampled_means(np.concatenate(list(columns.values()), axis=1), np.random.default_rng([seed, stream]))
    ends = np.cumsum([own.shape[1] for own in columns.values()])[:-1]
    return dict(zip(columns, np.split(together, ends, axis=1), strict=True))


def _corrected(found: Sequence[Difference]) -> list[Difference]:
    """Holm-corrects the p-values of all differences that have one."""
    adjusted = iter(holm([one.p for one in found if one.p is not None]))
    return [one if one.p is None else one.model_copy(update={"p_holm": next(adjusted)}) for one in found]


def _difference(cost: str, pair: Pair, found: TestedDifference, over: Mapping[str, int]) -> Difference:
    first, second = (dose.method for dose in pair)
    written = metrics({"": found.metric})[""]
    return Difference(
        cost=cost,
        first=first,
        second=second,
        difference=written,
        p=found.p,
        p_holm=None,
        over=_named(over),
        why=found.why,
    )


def _named(over: Mapping[str, int]) -> dict[str, int]:
    """The resampled units in words."""
    words: dict[str, str] = {CALIBRATION: "calibration questions", TEST: "test questions"}
    return {words.get(source, f"items of {source}"): count for source, count in over.items()}


def _unread(cost: str) -> TestedDifference:
    return TestedDifference(contracts.Metric(float("nan")), None, f"{cost} could not be read in any answer")
