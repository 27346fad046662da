"""Positions of estimates and their intervals on a line, for the templates' SVG."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from leaderboard.text import value
from steerbench.records.results import MetricRecord

WIDTH = 160
"""Width of a drawing in its own units."""
MARGIN = 6


@dataclass(frozen=True)
class Mark:
    """The positions of an estimate and its interval; positions outside the line are moved to its end."""

    x: float
    low: float
    high: float


@dataclass(frozen=True)
class PlotAxis:
    low: float
    high: float

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(MARGIN + (WIDTH - 2 * MARGIN) * min(max(share, 0.0), 1.0), 1)

    def mark(self, metric: MetricRecord | None) -> Mark | None:
        if metric is None or (middle := value(metric)) is None:
            return None
        low, high = (middle if end is None or not math.isfinite(end) else end for end in (metric.low, metric.high))
        return Mark(self.place(middle), self.place(low), self.place(high))


def axis_over(metrics: Iterable[MetricRecord | None]) -> PlotAxis:
    """The axis for all intervals; of many, the outermost 1 % are left out, so that they do not squeeze the others."""
    given = (end for m in metrics if m is not None for end in (m.low, m.value, m.high))
    ends = sorted(end for end in given if end is not None and math.isfinite(end))
    low, high = _trimmed(ends)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        return PlotAxis(low - 1, high + 1)
    return PlotAxis(low, high)


def _trimmed(ends: Sequence[float]) -> tuple[float, float]:
    if not ends:
        return 0.0, 0.0
    aside = len(ends) // 100
    # Not up to the largest float, so that differences stay finite.
    return max(ends[aside], -1e300), min(ends[-1 - aside], 1e300)
