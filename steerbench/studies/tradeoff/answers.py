"""A run's answers as trade-offs see them: by item, how far a row got towards its targets and what it lost."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steerbench.records.found_ledgers import LEDGER, reading

Array = NDArray[np.float64]
Place = tuple[str, str]
"""A target and an item."""
Values = Mapping[Place, float | None]
"""One row's losses or costs; None where one could not be had."""


@dataclass(frozen=True)
class LossesAndCosts:
    """The losses and side costs of one row's test items."""

    losses: Values
    costs: Values


def read_answers(folder: Path, method: str) -> LossesAndCosts:
    """One row of a finished run.

    Raises:
        UserError: the run cannot be read.
    """
    query = "SELECT target, item, score FROM samples WHERE split = 'test' AND method = ? ORDER BY target, item"
    losses: dict[Place, float | None] = {}
    costs: dict[Place, float | None] = {}
    with reading(folder / LEDGER) as connection:
        for target, item, text in connection.execute(query, (method,)):
            score = json.loads(text)
            losses[target, item], costs[target, item] = score["loss"], score.get("cost")
    return LossesAndCosts(losses, costs)


def worst(rows: Sequence[Values]) -> float:
    """The largest value there is; nan if there is none."""
    known = [value for row in rows for value in row.values() if value is not None]
    return max(known, default=float("nan"))


def gains(row: Values, plain: Values, unread: float) -> Array:
    """[items]: by how much a row's loss is below the unsteered one's, summed over an item's targets.

    Of ratings under both poles of a trait this is how far the poles lie apart, in points: the unsteered model says the
    same under either. What has no loss counts as `unread`, so that nothing is gained by making answers unreadable.
    """
    return -_differences(row, plain, unread, np.sum)


def prices(row: Values, plain: Values, unread: float) -> Array:
    """[items]: by how much a row's loss (or cost) is above the unsteered one's, mean over an item's targets."""
    return _differences(row, plain, unread, np.mean)


def _differences(
    row: Mapping[Place, float | None],
    plain: Mapping[Place, float | None],
    unread: float,
    together: Callable[[Sequence[float]], float],
) -> Array:
    by_item: dict[str, list[float]] = {}
    for place, value in row.items():
        usual = plain[place]
        difference = (unread if value is None else value) - (unread if usual is None else usual)
        by_item.setdefault(place[1], []).append(difference)
    return np.array([together(by_item[item]) for item in sorted(by_item)], dtype=np.float64)
