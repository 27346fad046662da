"""Bits per character of passages: each method's, by pole, and how far they are above the unsteered model's.

All figures are means over passages, each counting once whatever its length; a passage's figure is the mean over its
poles. A passage that overflowed under some pole has no figure, and its row is flattered by what it leaves out; the
harness flags every such row.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric, Scored, Summary
from steerbench.contracts.flags import Flag, flag_kind
from steerbench.statistics import mean_estimate, share_estimate
from steerbench.toolkit.beside_unsteered import CHANGE, beside_unsteered

Array = NDArray[np.float64]

BITS = "bits per character"
RATIO = "perplexity ratio"
OVERFLOWED = "overflowed rate"
LESS_LIKELY = flag_kind(
    "perplexity/less-likely",
    "text is less likely than to unsteered",
    "perplexity",
    "the interval of the change lies above 0",
)


def summarise(rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
    """Every row beside the unsteered one; intervals are over passages, whose poles stay together."""
    return beside_unsteered(rows, Measured, seed, over="passages", higher_is_better=False)


class Measured:
    """A row as arrays [poles, passages], nan where a passage overflowed."""

    def __init__(self, scored: Sequence[Scored]) -> None:
        self.poles = list(dict.fromkeys(one.target for one in scored))
        passages = list(dict.fromkeys(one.item for one in scored))
        records = {(one.target, one.item): one.score.record for one in scored}
        bits = [[records[pole, passage]["bits"] for passage in passages] for pole in self.poles]
        self.bits = np.array(bits, dtype=np.float64)  # None becomes nan
        self.characters = np.array([records[self.poles[0], passage]["characters"] for passage in passages])
        self.words = np.array([records[self.poles[0], passage]["words"] for passage in passages])

    def losses(self) -> Array:
        """[passages]: bits per character, nan where a pole overflowed."""
        return np.asarray((self.bits / self.characters).mean(axis=0))

    def metrics(self, plain: "Measured | None", seed: int) -> dict[str, Metric]:
        """`perplexity ratio` is per word: 2 to the mean over passages of the bits added by a word."""
        found = self._by_pole(BITS, self.bits / self.characters)
        if plain is not None:
            added = self.bits - plain.bits
            in_words = self._by_pole(RATIO, added / self.words)
            found |= {name: _power_of_two(metric) for name, metric in in_words.items()}
            found |= self._by_pole(CHANGE, added / self.characters)
        found[OVERFLOWED] = share_estimate(np.isnan(self.bits).mean(axis=0))
        return found

    def flags(self, metrics: Mapping[str, Metric]) -> list[Flag]:
        """What a reader of the table must not miss."""
        change = metrics.get(CHANGE)
        worse = change is not None and change.low is not None and change.low > 0
        return [LESS_LIKELY()] if worse else []

    def nothing_to_lose(self) -> str:
        """Text can always be made less likely."""
        return ""

    def _by_pole(self, name: str, values: Array) -> dict[str, Metric]:
        """The mean of values [poles, passages], and each pole's if there are several."""
        found = {name: _mean(values)}
        if len(self.poles) > 1:
            found |= {f"{name} {pole}": _mean(values[n : n + 1]) for n, pole in enumerate(self.poles)}
        return found


def _mean(values: Array) -> Metric:
    """Mean over poles and passages [poles, passages], over passages; nan if none has a value under every pole."""
    of_passages = values.mean(axis=0)
    if np.isnan(of_passages).all():
        return Metric(float("nan"))
    return mean_estimate(of_passages)


def _power_of_two(metric: Metric) -> Metric:
    """The power is monotone, so that the interval's ends go along."""
    low, high = (None if end is None else _exp2(end) for end in (metric.low, metric.high))
    return Metric(_exp2(metric.value), low, high, metric.n, metric.note)


def _exp2(exponent: float) -> float:
    """Infinite where Python's own power raises."""
    with np.errstate(over="ignore"):
        return float(np.exp2(exponent))
