"""Boards of tasks that measure the side effects of steering: each row is compared with the unsteered one, item by
item."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric, Role, Scored, Summary
from steerbench.contracts.flags import Flag
from steerbench.statistics import paired_comparisons

UNSTEERED = "unsteered"
ROLES: Mapping[str, Role] = {UNSTEERED: "unsteered"}
CHANGE = "change"


class BoardAnswers(Protocol):
    """One row's answers, as these boards need them."""

    def losses(self) -> NDArray[np.float64]:
        """[items]: losses, averaged over the poles."""
        ...

    def metrics(self, plain: Self | None, seed: int) -> dict[str, Metric]:
        """The headline first. With the unsteered row's answers, also the difference from them (`CHANGE`)."""
        ...

    def flags(self, metrics: Mapping[str, Metric]) -> list[Flag]:
        """What a reader of the table must not miss."""
        ...

    def nothing_to_lose(self) -> str:
        """For the unsteered row: why no loss could show beside it (at chance level, say); "" if one could."""
        ...


R = TypeVar("R", bound=BoardAnswers)


def beside_unsteered(
    scored: Mapping[str, Sequence[Scored]],
    read: Callable[[Sequence[Scored]], R],
    seed: int,
    over: str,
    higher_is_better: bool = True,
) -> Summary:
    """Metrics, flags and a paired comparison with the unsteered row, for every row that has answers.

    `higher_is_better` refers to the headline; `over` names what the intervals resample.
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
    """Whether the whole interval of the change from the unsteered row is below 0."""
    change = metrics.get(CHANGE)
    return change is not None and change.high is not None and change.high < 0
