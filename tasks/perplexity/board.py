"""Bits per character of passages: each method's, by pole, and how far they are above the unsteered model's.

All figures are means over passages, each counting once whatever its length; a passage's figure is the mean over its
poles. A passage that overflowed under some pole has no figure, and its row is flattered by what it leaves out; the
harness flags every such row.
"""

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric
from steerbench.contracts.flags import flag_kind
from steerbench.statistics import mean_estimate
from steerbench.toolkit.boards.answers import Answers
from steerbench.toolkit.boards.metric import beyond, difference, metric
from steerbench.toolkit.boards.named import CHANGE, unscored

Array = NDArray[np.float64]

LESS_LIKELY = flag_kind(
    "perplexity/less-likely",
    "text is less likely than to unsteered",
    "perplexity",
    "the interval of the change lies above 0",
)


@metric("bits per character", by_target=True)
def bits(of: Answers) -> Array:
    return of.whole(of.record("bits") / of.record("characters"))


def _power_of_two(values: Array) -> Metric:
    """2 to the mean; the power is monotone, so that the interval's ends go along."""
    found = mean_estimate(values)
    low, high = (None if end is None else _exp2(end) for end in (found.low, found.high))
    return Metric(_exp2(found.value), low, high, found.n, found.note)


def _exp2(exponent: float) -> float:
    """Infinite where Python's own power raises."""
    with np.errstate(over="ignore"):
        return float(np.exp2(exponent))


@metric("perplexity ratio", by_target=True, estimate=_power_of_two)
def ratio(of: Answers) -> Array | None:
    """Per word: 2 to the mean over passages of the bits added by a word."""
    if of.plain is None:
        return None
    return of.whole((of.record("bits") - of.plain.record("bits")) / of.record("words"))


METRICS = (
    bits,
    ratio,
    difference(bits, CHANGE, mean_estimate, beyond(LESS_LIKELY, higher=True)),
    unscored.called("overflowed rate").flagged(None),
)
