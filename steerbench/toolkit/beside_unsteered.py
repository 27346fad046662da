"""Boards of the tasks that measure what a steering costs: each row beside the unsteered model's on the same items."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric, Role, Scored, Summary
from steerbench.statistics import paired_comparisons

UNSTEERED = "unsteered"
ROLES: Mapping[str, Role] = {UNSTEERED: "unsteered"}
CHANGE = "change"


class BoardAnswers(Protocol):
    """A row's answers as such a board sees them."""

    def losses(self) -> NDArray[np.float64]:
        """[items]: mean over the poles."""
        ...

    def metrics(self, plain: Self | None, seed: int) -> dict[str, Metric]:
        """Headline first; with the unsteered row's answers, also how far it is from them (`CHANGE`)."""
        ...

    def flags(self, metrics: Mapping[str, Metric]) -> list[str]:
        """What a reader of the table must not miss."""
        ...

    def nothing_to_lose(self) -> str:
        """Of the unsteered row: why no loss could be seen beside it, "" if one could."""
        ...


R = TypeVar("R", bound=BoardAnswers)


def beside_unsteered(
    scored: Mapping[str, Sequence[Scored]],
    read: Callable[[Sequence[Scored]], R],
    seed: int,
    over: str,
    higher_is_better: bool = True,
) -> Summary:
    """Metrics, a paired comparison with the unsteered row, and flags of every row that has answers.

    `higher_is_better` is said of the headline, `over` of the intervals.
    """
    rows = {name: read(of_row) for name, of_row in scored.items() if of_row}
    losses = {name: row.losses() for name, row in rows.items()}
    plain = rows.get(UNSTEERED)
    metrics = {name: row.metrics(None if name == UNSTEERED else plain, seed) for name, row in rows.items()}
    comparisons = {
        name: paired_comparisons(losses, name, [UNSTEERED], np.random.default_rng(seed))
        for name in rows
        if plain is not None and name != UNSTEERED
    }
    flags = {name: row.flags(metrics[name]) for name, row in rows.items()}
    cannot_tell = plain.nothing_to_lose() if plain is not None else ""
    return Summary(metrics, comparisons, flags, higher_is_better, over, cannot_tell)


def lowered(metrics: Mapping[str, Metric]) -> bool:
    """Whether a row's headline is below the unsteered one's with all of its interval."""
    change = metrics.get(CHANGE)
    return change is not None and change.high is not None and change.high < 0
