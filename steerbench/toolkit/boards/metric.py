"""A metric: a small function that gives each answer of a row a value. The rest of a board's column follows from it.

@metric("polite", higher_is_better=True, estimate=share_estimate)
def polite(of: Answers) -> Array:
    "1 for an answer that says please."
    return of.record("please")
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import nan

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric
from steerbench.contracts.flags import Flag, FlagKind
from steerbench.statistics import mean_estimate, share_estimate
from steerbench.toolkit.boards.answers import Answers

Array = NDArray[np.float64]
Values = Callable[[Answers], Array | None]
Estimate = Callable[[Array], Metric]
Warn = Callable[[Answers, Metric], Flag | None]
Columns = Callable[[Answers], Mapping[str, Metric]]
"""What a row's answers come to, by the names of columns; a metric is one, and any such function may stand behind it."""


@dataclass(frozen=True)
class BoardMetric:
    """A column of a board.

    `values` gives each answer of a row a number [targets, items], or None if the row does not have this metric. Their
    means by unit are what `estimate` turns into a value with its interval; if none has a value, the column is nan.
    `by_target` adds a column for each target, where there are several and items are the units. `warn` may flag a row by
    its value.
    """

    name: str
    values: Values
    higher_is_better: bool = False
    estimate: Estimate = mean_estimate
    by_target: bool = False
    warn: Warn | None = None

    def __call__(self, of: Answers) -> Mapping[str, Metric]:
        """By the name of the column, what the row's answers come to."""
        return self.alone(of) | (by_target(self.alone, of) if self.by_target else {})

    def alone(self, of: Answers) -> dict[str, Metric]:
        """The same without what is by target."""
        values = self.values(of)
        if values is None:
            return {}
        units = of.units(values)
        return {self.name: Metric(nan) if np.isnan(units).all() else self.estimate(units)}

    def losses(self, of: Answers) -> Array:
        """[units]: what comparisons of rows test if this is the headline; lower is better. nan without a value."""
        values = self.values(of)
        units = of.units(np.full(of.scores.shape, np.nan) if values is None else values)
        if not self.higher_is_better:
            return units
        return 1 - units if self.estimate is share_estimate else -units

    def flag(self, of: Answers, columns: Mapping[str, Metric]) -> Flag | None:
        """What the row is flagged for by its value of this metric, if it has one."""
        found = columns.get(self.name)
        return None if self.warn is None or found is None else self.warn(of, found)

    def called(self, name: str) -> "BoardMetric":
        """The same under another name."""
        return replace(self, name=name)

    def flagged(self, warn: Warn | None) -> "BoardMetric":
        """The same with another flag, or with none."""
        return replace(self, warn=warn)


def metric(
    name: str,
    *,
    higher_is_better: bool = False,
    estimate: Estimate = mean_estimate,
    by_target: bool = False,
    warn: Warn | None = None,
) -> Callable[[Values], BoardMetric]:
    """Make a metric of the function that gives each answer its value; see `BoardMetric`."""

    def made(values: Values) -> BoardMetric:
        return BoardMetric(name, values, higher_is_better, estimate, by_target, warn)

    return made


def by_target(columns: Columns, of: Answers) -> dict[str, Metric]:
    """A row's columns for each target by itself; none where targets are the units, or there is only one."""
    targets = of.targets if of.by_item and len(of.targets) > 1 else ()
    alone = {target: columns(of.of_target(target)) for target in targets}
    names = dict.fromkeys(name for found in alone.values() for name in found)
    return {f"{name} {target}": found[name] for name in names for target, found in alone.items() if name in found}


def above(share: float, kind: FlagKind) -> Warn:
    """A flag for a value above a share; its words mention `share`."""
    return lambda of, found: kind(share=found.value) if found.value > share else None


def beyond(kind: FlagKind, higher: bool) -> Warn:
    """A flag for an interval that lies above 0 (`higher`) or below it."""

    def warn(of: Answers, found: Metric) -> Flag | None:
        if found.low is None or found.high is None:
            return None
        return kind() if (found.low > 0 if higher else found.high < 0) else None

    return warn


def difference(headline: BoardMetric, name: str, estimate: Estimate, warn: Warn | None = None) -> BoardMetric:
    """How far a metric is from the unsteered row's on the same questions; that row itself does not have it."""

    def values(of: Answers) -> Array | None:
        if of.plain is None:
            return None
        own, plain = headline.values(of), headline.values(of.plain)
        return None if own is None or plain is None else own - plain

    return BoardMetric(name, values, headline.higher_is_better, estimate, headline.by_target, warn)
