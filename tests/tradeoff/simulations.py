"""Trade-offs of methods whose true curves are known: how often equal prices are called different, and what is found.

`python -m tests.tradeoff.simulations` prints the table of docs/explanation/tradeoff.md: the rules of `conclude` beside
those of schema 1, which took the chosen strengths as known and the best dose for the only one.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from steerbench.statistics import percentile_level, resample_counts, sign_flip_test
from steerbench.studies.tradeoff import matching, reach
from steerbench.studies.tradeoff.answers import LossesAndCosts
from steerbench.studies.tradeoff.choosing import Terms, choose, effects_of
from steerbench.studies.tradeoff.evidence import CALIBRATION, PLAIN, TEST, Dose, Evidence, Told
from steerbench.studies.tradeoff.findings import conclude
from steerbench.studies.tradeoff.result import TradeoffResult

STRENGTHS = (2.0, 4.0, 6.0, 8.0, 10.0)
COST = "task"
QUICK = 2000


@dataclass(frozen=True)
class World:
    """Two methods with dials from 0 to 10, effects that rise by `slope` a unit, and prices (strength / 10)².

    `dearer` is how many times as much the second costs at every strength. Questions differ in how far they are moved,
    items in what they lose; both have parts that the methods share. With `side_cost` the price is the side cost of the
    effect's own questions. `wanted` is the effect asked for, None for the common one.
    """

    calibration: int
    test: int
    items: int
    slope: float
    dearer: float = 1.0
    side_cost: bool = False
    wanted: float | None = None

    @property
    def terms(self) -> Terms:
        dials, strengths = dict.fromkeys("AB", (0.0, 10.0)), dict.fromkeys("AB", STRENGTHS)
        costs = [] if self.side_cost else [COST]
        return Terms("effect task", ["pole"], "side", costs, dials, strengths, self.wanted, seed=0)

    def concluded(self, rng: np.random.Generator) -> tuple[TradeoffResult | None, Evidence]:
        """What is found on one draw of questions and items; None if the two methods are not matched."""
        made = _Made(self, rng)
        every = [Dose(method, strength) for method in "AB" for strength in STRENGTHS]
        made.ask([CALIBRATION, *self.terms.costs], [PLAIN, *every])
        choice = choose(self.terms, made.evidence)
        if len(choice.matched) < 2:
            return None, made.evidence
        made.ask([TEST, *self.terms.costs], [PLAIN, *choice.doses])
        return conclude(self.terms, made.evidence), made.evidence


class _Made:
    """The answers of one draw, dose by dose."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self.world, self.rng, self.told = world, rng, {}
        self.sizes = {CALIBRATION: world.calibration, TEST: world.test, COST: world.items}
        drawn = {
            source: {m: rng.standard_normal(size) for m in ("both", "A", "B")} for source, size in self.sizes.items()
        }
        self.moved = {(s, m): 0.7 * parts["both"] + 0.7 * parts[m] for s, parts in drawn.items() for m in "AB"}
        self.lost = {
            source: {"both": 1 + 0.3 * rng.standard_normal(size)} | {m: rng.standard_normal(size) for m in "AB"}
            for source, size in self.sizes.items()
        }

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.told)

    def ask(self, sources: list[str], doses: list[Dose]) -> None:
        for source, dose in ((source, dose) for dose in doses for source in sources):
            if (source, dose) not in self.told:
                effects, prices = np.zeros((2, self.sizes[source])) if dose == PLAIN else self.values(source, dose)
                asked = [("pole", f"{place:04d}") for place in range(self.sizes[source])]
                losses = prices if source == COST else -effects
                costs = prices if self.world.side_cost else [None] * len(asked)
                pairs = (dict(zip(asked, values, strict=True)) for values in (map(float, losses), costs))
                answers = LossesAndCosts(*pairs)
                self.told[source, dose] = Told("run", "digest", answers, [])

    def values(self, source: str, dose: Dose) -> tuple[np.ndarray, np.ndarray]:
        """Effects and prices, by question or item."""
        share, lost, noise = dose.strength / 10, self.lost[source], self.rng.standard_normal((2, self.sizes[source]))
        effects = self.world.slope * dose.strength + share * self.moved[source, dose.method] + 0.5 * noise[0]
        dearer = self.world.dearer if dose.method == "B" else 1.0
        return effects, dearer * share**2 * lost["both"] + 0.1 * share * lost[dose.method] + 0.03 * noise[1]


@dataclass(frozen=True)
class Found:
    """Of so many draws, how many matched both methods, and what share of those called the prices different.

    `before` took the chosen strengths as known. `mismatched` is the share whose effects differ on test questions,
    `apart` the standard deviation of the difference of the strengths.
    """

    draws: int
    matched: int
    before: float
    now: float
    mismatched: float
    apart: float


def prices_called_different(world: World, draws: int, seed: int) -> Found:
    rng, rows = np.random.default_rng(seed), []
    for _ in range(draws):
        result, evidence = world.concluded(rng)
        if result is not None:
            effect, price = result.differences
            one, two = (Dose(m, result.curves[m].measured.strength) for m in "AB")
            source = TEST if world.side_cost else COST
            known = sign_flip_test(
                evidence.prices(source, one) - evidence.prices(source, two), np.random.default_rng(0)
            )
            p = [known, 1.0 if price.p_holm is None else price.p_holm, effect.p_holm]
            rows.append([*(one < 0.05 for one in p), one.strength - two.strength])
    shares = np.array(rows, dtype=float)
    return Found(draws, len(rows), *(float(one) for one in shares[:, :3].mean(axis=0)), float(shares[:, 3].std()))


def dead_methods_with_an_effect(calibration: int, draws: int, seed: int) -> tuple[float, float]:
    """How often one without any effect is given one: with its best dose's own interval, and over all doses."""
    rng, found = np.random.default_rng(seed), []
    for curve in _curves(World(calibration, 0, 0, slope=0.0), draws, rng):
        best, effect = reach.reach(curve, seed=0)
        means = resample_counts(calibration, rng, 2000) @ curve[best] / calibration
        found.append((np.quantile(means, percentile_level(calibration)) > 0, effect.low > 0))
    before, now = np.mean(found, axis=0)
    return float(before), float(now)


def shrinkages(calibration: int, slope: float, draws: int, seed: int) -> tuple[float, float]:
    """By how much the largest effect really is too large, and by how much it is said to be, on average."""
    found = []
    for curve in _curves(World(calibration, 0, 0, slope), draws, np.random.default_rng(seed)):
        best, effect = reach.reach(curve, seed=0)
        found.append((effect.value - slope * STRENGTHS[best], reach.shrinkage(curve, seed=0).value))
    true, said = np.mean(found, axis=0)
    return float(true), float(said)


def _curves(world: World, draws: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """[doses, questions], of two methods a draw."""
    doses = {method: [Dose(method, strength) for strength in STRENGTHS] for method in "AB"}
    for _ in range(draws):
        made = _Made(world, rng)
        made.ask([CALIBRATION], [PLAIN, *doses["A"], *doses["B"]])
        yield from (effects_of(made.evidence, of_one) for of_one in doses.values())


SETTINGS = {
    "12 / 24 / 10": World(12, 24, 10, 0.1),
    "30 / 60 / 100": World(30, 60, 100, 0.2),
    "120 / 240 / 100": World(120, 240, 100, 0.2),
    "30 / 60 / 100, effect 1 asked for": World(30, 60, 100, 0.2, wanted=1.0),
    "30 / 60, fluency": World(30, 60, 0, 0.2, side_cost=True),
}


def table(draws: int) -> Iterator[str]:
    yield (
        "| calibration / test questions / items | true prices | matched | called different: before | now "
        "| effects called different | strengths apart (sd) |"
    )
    yield "|---|---|---|---|---|---|---|"
    rows = [(name, world, "the same", draws) for name, world in SETTINGS.items()]
    rows += [(name, replace(world, dearer=2.0), "1 : 2", max(draws // 4, 1)) for name, world in SETTINGS.items()]
    for name, world, prices, times in rows:
        one = prices_called_different(world, times, seed=11)
        shares = " | ".join(f"{share:.2f}" for share in (one.before, one.now, one.mismatched, one.apart))
        yield f"| {name} | {prices} | {one.matched} of {one.draws} | {shares} |"
    yield ""
    yield "| calibration questions | a method without effect has one: before | now |"
    yield "|---|---|---|"
    for calibration in (6, 12, 30, 120):
        before, now = dead_methods_with_an_effect(calibration, draws, seed=5)
        yield f"| {calibration} | {before:.3f} | {now:.3f} |"
    yield ""
    yield "| calibration questions, slope | largest effect is too large by | said |"
    yield "|---|---|---|"
    for calibration, slope in ((12, 0.0), (12, 0.1), (30, 0.2)):
        true, said = shrinkages(calibration, slope, draws, seed=3)
        yield f"| {calibration}, {slope:g} | {true:.2f} | {said:.2f} |"


if __name__ == "__main__":
    # A fifth of the resamples: what is tested is how often p is small, not how small it can be.
    matching.RESAMPLES = reach.DRAWS = QUICK
    started = time.monotonic()
    for line in table(int(sys.argv[1]) if len(sys.argv) > 1 else 400):
        print(line, flush=True)
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
