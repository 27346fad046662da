"""Chooses each target's setting within a budget of evaluations.

This is pure logic: a search proposes settings and is told their losses. All targets advance in lockstep, so that one
step is one batch of requests for the engine.
"""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

from steerbench.contracts.setting import Setting

PUBLISHED_STRENGTHS = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0)
"""The strengths that PAS's published code tries."""

GOLDEN = (math.sqrt(5) - 1) / 2


Trials = Generator[Setting, float, None]
"""Yields a setting, is sent its loss, and yields the next one until the budget is spent."""


def golden_section(low: float, high: float, budget: int) -> Trials:
    """Strength 0, then `budget - 1` points of a golden-section search on [low, high].

    Kiefer's interval reduction, as bounded in the PAS paper's appendix. It starts with two inner points; each step
    drops the part of the interval beyond the worse point and needs one new point. Of equal losses the weaker strength
    is kept.
    """
    yield Setting(0.0)
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left = yield Setting(left)
    if budget == 2:
        return
    at_right = yield Setting(right)
    for _ in range(budget - 3):
        if (at_left, abs(left)) <= (at_right, abs(right)):
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = yield Setting(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = yield Setting(right)


def grid(strengths: Sequence[float]) -> Trials:
    """Each of the strengths in turn."""
    for strength in strengths:
        yield Setting(strength)


def spaced(low: float, high: float, budget: int) -> list[float]:
    """`budget` strengths: 0, and others evenly spaced up to `high`."""
    count = budget if low == 0 else budget - 1
    inner = [low + (high - low) * index / max(count - 1, 1) for index in range(count)]
    return inner if low == 0 else [0.0, *inner]


def published_grid(low: float, high: float) -> list[float]:
    """The published strengths within a method's range, and 0."""
    return [strength for strength in PUBLISHED_STRENGTHS if strength == 0 or low <= strength <= high]


def wordings(count: int, budget: int) -> Trials:
    """The prompt's first wording and its alternatives, up to the budget."""
    for index in range(min(count, budget)):
        yield Setting(wording=index)


BEYOND = 1e6
"""Added to a setting's excess over the ceiling to make its loss for the search: more than any real loss, and smaller
the closer the cost is to the ceiling."""


@dataclass(frozen=True)
class Tried:
    """A setting, its loss, and by how much its cost exceeds the ceiling."""

    setting: Setting
    loss: float
    excess: float

    @property
    def rank(self) -> tuple[float, ...]:
        """Sort key: no excess first, then lower loss, then weaker strength, then earlier wording."""
        return self.excess, self.loss, abs(self.setting.strength), self.setting.wording


class StrengthSearch:
    """One search per target, side by side.

    A loss that is None or nan counts as infinite. Of settings with equal loss the weaker strength is chosen, then the
    earlier wording. If costs have a ceiling, a setting above it is chosen only if all are above it; then the one with
    the smallest excess is chosen.
    """

    def __init__(self, targets: Sequence[str], trials: Callable[[str], Trials]) -> None:
        self._trials = {target: trials(target) for target in targets}
        self._tried: dict[str, list[Tried]] = {target: [] for target in targets}
        self._next: dict[str, Setting | None] = {t: next(trial, None) for t, trial in self._trials.items()}

    def propose(self) -> dict[str, Setting | None]:
        """The next setting to evaluate for each target; None where its search has finished."""
        return dict(self._next)

    @property
    def finished(self) -> bool:
        return all(setting is None for setting in self._next.values())

    def observe(self, losses: Mapping[str, float | None], excess: Mapping[str, float] | None = None) -> None:
        """Takes the losses of the settings proposed last, one for each target that had a setting.

        `excess` is by how much their costs exceed the ceiling, 0 for targets that it does not contain.
        """
        for target, loss in losses.items():
            setting = self._next[target]
            if setting is None:
                raise ValueError(f"the search of {target} has finished and expects no loss")
            worth = math.inf if loss is None or math.isnan(loss) else loss
            over = (excess or {}).get(target, 0.0)
            self._tried[target].append(Tried(setting, worth, over))
            try:
                self._next[target] = self._trials[target].send(BEYOND + over if over else worth)
            except StopIteration:
                self._next[target] = None

    def best(self) -> dict[str, Setting]:
        """Each target's best setting."""
        return {target: self._best(target).setting for target in self._tried}

    def losses(self) -> dict[str, float]:
        """The loss of each target's best setting; infinite if no loss is known."""
        return {target: self._best(target).loss for target in self._tried}

    def _best(self, target: str) -> Tried:
        return min(self._tried[target], key=lambda tried: tried.rank)
