"""Accuracy of reasoning answers: each method's, by pole, and its difference from the unsteered model's.

An answer that cannot be read counts as wrong in the headline, and how many there are is a metric. A row that the most
frequent right answer, said to every problem, would match is flagged.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric, Scored, Summary
from steerbench.statistics import bootstrap_mean
from tasks.beside_unsteered import CHANGE, beside_unsteered, lowered
from tasks.flags import percent

Array = NDArray[np.float64]

ACCURACY = "accuracy"
UNREADABLE = "unreadable rate"
TOKENS = "tokens"

OFTEN_UNREADABLE = 0.2


def summarise(rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
    """Every row beside the unsteered one; intervals resample problems, whose poles stay together."""
    return beside_unsteered(rows, Answers, seed)


class Answers:
    """A row as arrays [poles, problems]."""

    def __init__(self, scored: Sequence[Scored]) -> None:
        self.poles = list(dict.fromkeys(one.target for one in scored))
        self.problems = list(dict.fromkeys(one.item for one in scored))
        shape = len(self.poles), len(self.problems)
        self.right, self.readable, self.tokens = np.zeros(shape), np.zeros(shape), np.full(shape, np.nan)
        self.gold: dict[str, str] = {}
        at = {pole: n for n, pole in enumerate(self.poles)}, {item: n for n, item in enumerate(self.problems)}
        for one in scored:
            place = at[0][one.target], at[1][one.item]
            self.right[place] = one.score.loss == 0
            self.readable[place] = one.score.loss is not None
            self.tokens[place] = one.score.record.get("tokens", np.nan)
            self.gold[one.item] = str(one.score.record["gold"])

    def losses(self) -> Array:
        """[problems]: the share of poles under which a problem is not answered rightly."""
        return np.asarray(1 - self.right.mean(axis=0))

    def metrics(self, plain: "Answers | None", seed: int) -> dict[str, Metric]:
        found = {ACCURACY: _mean(self.right, seed)}
        if len(self.poles) > 1:
            found |= {f"{ACCURACY} {p}": _mean(self.right[n : n + 1], seed) for n, p in enumerate(self.poles)}
        if plain is not None:
            differences = self.right - plain.right
            found[CHANGE] = _mean(differences, seed)
            if len(self.poles) > 1:
                found |= {f"{CHANGE} {p}": _mean(differences[n : n + 1], seed) for n, p in enumerate(self.poles)}
        found[UNREADABLE] = _mean(1 - self.readable, seed)
        if not np.isnan(self.tokens).any():
            found[TOKENS] = _mean(self.tokens, seed)
        return found

    def flags(self, metrics: Mapping[str, Metric]) -> list[str]:
        """What a reader of the table must not miss."""
        flags = []
        (usual, times), *_ = Counter(self.gold.values()).most_common(1)
        if metrics[ACCURACY].value <= times / len(self.gold):
            flags.append(f"not more accurate than always saying {usual} ({percent(times / len(self.gold))})")
        if lowered(metrics):
            flags.append("less accurate than unsteered")
        if metrics[UNREADABLE].value > OFTEN_UNREADABLE:
            flags.append(f"{percent(metrics[UNREADABLE].value)} unreadable")
        return flags


def _mean(values: Array, seed: int) -> Metric:
    """Mean over poles and problems [poles, problems], problems resampled."""
    return bootstrap_mean(values.mean(axis=0), np.random.default_rng(seed))
