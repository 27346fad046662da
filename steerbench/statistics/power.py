"""Power of a paired comparison: the smallest difference detected with 80 % power, and the units needed for one."""

import math
from functools import lru_cache

from scipy import optimize, stats

from steerbench.statistics.bootstrap import FEWEST

POWER = 0.8
LEVEL = 0.05
MOST_UNITS = 10_000_000
NORMAL_FROM = 2000
"""Number of units from which the power of Student's test equals the normal one to four digits."""


def smallest_difference(spread: float, units: int, power: float = POWER) -> float | None:
    """The mean difference that a paired two-sided test at .05 detects with this power.

    `spread` is the standard deviation of the paired differences. Computed for Student's test, which approximates the
    sign-flip test. None below `FEWEST` units, with which a sign-flip test cannot reach .05.
    """
    if units < FEWEST or not math.isfinite(spread):
        return None
    return spread * _standardised(units, power)


def units_needed(spread: float, difference: float, power: float = POWER) -> int | None:
    """The number of units needed to detect a difference of this size with this power; None above ten million."""
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
    """The difference, in standard deviations, that is detected with this power (noncentral t)."""
    normal = float(stats.norm.ppf(1 - LEVEL / 2) + stats.norm.ppf(power)) / math.sqrt(units)
    if units > NORMAL_FROM:
        return normal
    free = units - 1
    critical = float(stats.t.ppf(1 - LEVEL / 2, free))

    def lacking(difference: float) -> float:
        # Significance on the wrong side is ignored; its probability is below one in a million.
        return float(stats.nct.sf(critical, free, difference * math.sqrt(units))) - power

    return float(optimize.brentq(lacking, 0.9 * normal, 2 * normal, xtol=1e-10))
