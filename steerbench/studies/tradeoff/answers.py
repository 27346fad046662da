"""A run's answers as a trade-off needs them: effects and losses by item, relative to the unsteered model."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steerbench.records.found_ledgers import LEDGER, reading

Array = NDArray[np.float64]
Place = tuple[str, str]
"""A target's id and an item's id."""
Values = Mapping[Place, float | None]
"""One row's losses or costs by target and item; None where there is none."""


@dataclass(frozen=True)
class LossesAndCosts:
    """The losses and side costs of one row's test items."""

    losses: Values
    costs: Values


def read_answers(folder: Path, method: str) -> LossesAndCosts:
    """The answers of one row of a finished run.

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
    """The largest value in all rows; nan if there is none."""
    known = [value for row in rows for value in row.values() if value is not None]
    return max(known, default=float("nan"))


def gains(row: Values, plain: Values, unread: float) -> Array:
    """[items]: the unsteered loss minus the row's loss, summed over an item's targets.

    For ratings under both poles of a trait this is the distance between the poles in points, because the unsteered
    model answers both alike. A missing loss counts as `unread`, so that nothing is gained by unreadable answers.
    """
    return -_differences(row, plain, unread, np.sum)


def prices(row: Values, plain: Values, unread: float) -> Array:
    """[items]: the row's loss (or cost) minus the unsteered one, averaged over an item's targets."""
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
