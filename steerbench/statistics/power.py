"""What a paired comparison can show: the smallest difference that 80 of 100 runs find, and how many units find one."""

import math
from functools import lru_cache

from scipy import optimize, stats

from steerbench.statistics.bootstrap import FEWEST

POWER = 0.8
LEVEL = 0.05
MOST_UNITS = 10_000_000
NORMAL_FROM = 2000
"""Units from which Student's power is the normal one to four digits."""


def smallest_difference(spread: float, units: int, power: float = POWER) -> float | None:
    """The difference of means that a paired two-sided test at .05 finds with this power.

    `spread` is the standard deviation of the paired differences. By the power of Student's test, which that of the
    sign-flip test follows. None below `FEWEST` units: no sign-flip test of fewer can reach .05.
    """
    if units < FEWEST or not math.isfinite(spread):
        return None
    return spread * _standardised(units, power)


def units_needed(spread: float, difference: float, power: float = POWER) -> int | None:
    """The number of units with which a difference of this size is found with this power; None beyond ten million."""
    if difference == 0 or not math.isfinite(spread):
        return None
    wanted = abs(difference) / spread if spread > 0 else math.inf
    low, high = FEWEST, FEWEST
    while _standardised(high, power) > wanted:
        low, high = high, 2 * high
        if high > MOST_UNITS:
            return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _standardised(middle, power) <= wanted else (middle + 1, high)
    return high


@lru_cache(maxsize=4096)
def _standardised(units: int, power: float) -> float:
    """The difference in standard deviations that is found with this power (noncentral t)."""
    normal = float(stats.norm.ppf(1 - LEVEL / 2) + stats.norm.ppf(power)) / math.sqrt(units)
    if units > NORMAL_FROM:
        return normal
    free = units - 1
    critical = float(stats.t.ppf(1 - LEVEL / 2, free))

    def lacking(difference: float) -> float:
        # To find it on the wrong side is less likely than one in a million.
        return float(stats.nct.sf(critical, free, difference * math.sqrt(units))) - power

    return float(optimize.brentq(lacking, 0.9 * normal, 2 * normal, xtol=1e-10))
