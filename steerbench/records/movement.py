"""The share of items that a steering moves, and the share that it moves in the wrong direction.

A mean effect hides *anti-steered* items, which move against the steering (Tan et al. 2024, Analysing the
Generalisation and Reliability of Steering Vectors). If a steering has no direction, about half of the items it moves
are anti-steered.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from steerbench.contracts import Metric, Role, Scored
from steerbench.contracts.roles import PLACEBO, UNSTEERED
from steerbench.statistics import share_estimate
from steerbench.toolkit.boards.answers import OF_TARGETS

ROLES: tuple[Role | None, ...] = (None, PLACEBO)
"""Roles whose rows get a movement: methods and the placebo."""


class Movement(NamedTuple):
    """Shares of the (target, test item) pairs that were scored both unsteered and steered."""

    moved: Metric
    """Share whose loss changed."""
    against: Metric
    """Share whose loss increased."""


def movement_of(
    name: str, roles: Mapping[str, Role], scored: Mapping[str, Sequence[Scored]], over: str
) -> Movement | None:
    """How a row moved the answers away from those of the unsteered model.

    None if the row's role is not in `ROLES`, the run has no unsteered row, or the two share no scored item.
    """
    unsteered = next((row for row, role in roles.items() if role == UNSTEERED and row in scored), None)
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
