"""How much of what was asked a steering moves, and how much of it the wrong way.

A mean effect hides items that move against the steering, *anti-steered* ones (Tan et al. 2024, Analysing the
Generalisation and Reliability of Steering Vectors). Of the items that a steering moves without aim, about half do.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from steerbench.contracts import Metric, Role, Scored
from steerbench.statistics import share_estimate

OF_TARGETS = ("targets", "people")
"""What runs generalise over where a target is the unit; elsewhere an item is, whatever the target."""
ROLES: tuple[Role | None, ...] = (None, "placebo")
"""The roles of rows that this is told of: those that steer and may do so the wrong way."""


class Movement(NamedTuple):
    """Shares of the test items that were scored both unsteered and steered; an item counts for each of its targets."""

    moved: Metric
    """Those whose loss is another."""
    against: Metric
    """Those whose loss is greater."""


def movement_of(
    name: str, roles: Mapping[str, Role], scored: Mapping[str, Sequence[Scored]], over: str
) -> Movement | None:
    """How a row moved the answers of the run's unsteered model.

    None if the row has another role than `ROLES`, if there is no unsteered row, or if the two share no scored item.
    """
    unsteered = next((row for row, role in roles.items() if role == "unsteered" and row in scored), None)
    if roles.get(name) not in ROLES or unsteered is None:
        return None
    before = {(one.target, one.item): one.score.loss for one in scored[unsteered]}
    by_unit: dict[str, list[float]] = {}
    for one in scored[name]:
        loss, plain = one.score.loss, before.get((one.target, one.item))
        if loss is not None and plain is not None:
            by_unit.setdefault(one.target if over in OF_TARGETS else one.item, []).append(loss - plain)
    if not by_unit:
        return None
    asked = np.array([len(changes) for changes in by_unit.values()], dtype=np.float64)
    moved = np.array([sum(change != 0 for change in changes) for changes in by_unit.values()], dtype=np.float64)
    against = np.array([sum(change > 0 for change in changes) for changes in by_unit.values()], dtype=np.float64)
    return Movement(share_estimate(moved, asked), share_estimate(against, asked))
