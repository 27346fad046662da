"""Chooses each target's setting on a budget of evaluations. Pure logic: it proposes, and is told the losses.

All targets go in lockstep, so that one step is one batch of requests for the engine.
"""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

from steerbench.contracts.setting import Setting

PUBLISHED_STRENGTHS = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0)
"""The strengths the published code of PAS tries."""

GOLDEN = (math.sqrt(5) - 1) / 2


Trials = Generator[Setting, float, None]
"""Yields a setting, is sent its loss, yields the next, until the budget is spent."""


def golden_section(low: float, high: float, budget: int) -> Trials:
    """Not steering at all, then `budget - 1` points of a golden section search on [low, high].

    Kiefer's interval reduction, as the PAS paper's appendix bounds its search: two inner points, and then
    each step drops the side beyond the worse one and needs one new point. Of equals the weaker is kept.
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
    """Each of the strengths, in turn."""
    for strength in strengths:
        yield Setting(strength)


def spaced(low: float, high: float, budget: int) -> list[float]:
    """0, and evenly spaced strengths up to `high`: `budget` in all."""
    count = budget if low == 0 else budget - 1
    inner = [low + (high - low) * index / max(count - 1, 1) for index in range(count)]
    return inner if low == 0 else [0.0, *inner]


def published_grid(low: float, high: float) -> list[float]:
    """The published strengths that a method's range allows; 0 always."""
    return [strength for strength in PUBLISHED_STRENGTHS if strength == 0 or low <= strength <= high]


def wordings(count: int, budget: int) -> Trials:
    """The prompt's first wording and its alternatives, as many as the budget allows."""
    for index in range(min(count, budget)):
        yield Setting(wording=index)


BEYOND = 1e6
"""What a search is told on top of an excess: more than any loss, and less the nearer the ceiling is."""


@dataclass(frozen=True)
class Tried:
    """A setting and what came of it: its loss, and by how much its cost was over the ceiling."""

    setting: Setting
    loss: float
    excess: float

    @property
    def rank(self) -> tuple[float, ...]:
        """Settings under the ceiling go before those over it, then by loss; of equals the weaker, the earlier."""
        return self.excess, self.loss, abs(self.setting.strength), self.setting.wording


class StrengthSearch:
    """One search per target, side by side.

    A loss that is None or not a number counts as worst. Of settings with the same loss the weaker strength
    is chosen, and of the same strength the earlier wording. Where a cost has a ceiling, a setting over it is
    chosen only if all are, and then the one that is least over it.
    """

    def __init__(self, targets: Sequence[str], trials: Callable[[str], Trials]) -> None:
        self._trials = {target: trials(target) for target in targets}
        self._tried: dict[str, list[Tried]] = {target: [] for target in targets}
        self._next: dict[str, Setting | None] = {t: next(trial, None) for t, trial in self._trials.items()}

    def propose(self) -> dict[str, Setting | None]:
        """What to evaluate next for each target; None where its search has finished."""
        return dict(self._next)

    @property
    def finished(self) -> bool:
        return all(setting is None for setting in self._next.values())

    def observe(self, losses: Mapping[str, float | None], excess: Mapping[str, float] | None = None) -> None:
        """The losses of the settings proposed last, and their costs' excess over the ceiling (0 where none is named).

        One loss for each target that had a setting.
        """
        for target, loss in losses.items():
            setting = self._next[target]
            if setting is None:
                raise ValueError(f"the search of {target} has finished and waits for no loss")
            worth = math.inf if loss is None or math.isnan(loss) else loss
            over = (excess or {}).get(target, 0.0)
            self._tried[target].append(Tried(setting, worth, over))
            try:
                self._next[target] = self._trials[target].send(BEYOND + over if over else worth)
            except StopIteration:
                self._next[target] = None

    def best(self) -> dict[str, Setting]:
        """Each target's setting of least loss."""
        return {target: self._best(target).setting for target in self._tried}

    def losses(self) -> dict[str, float]:
        """The loss of each target's best setting; infinite if none could be read."""
        return {target: self._best(target).loss for target in self._tried}

    def _best(self, target: str) -> Tried:
        return min(self._tried[target], key=lambda tried: tried.rank)
