"""What calibration minimises, and what it keeps under a ceiling, from a target's scores."""

import math
from collections.abc import Mapping, Sequence

from steerbench.contracts import Choosing, Scored, Task
from steerbench.running.evaluation import OVERFLOWED


def target_loss(rows: Sequence[Scored]) -> float | None:
    """Mean loss over a target's items; None if none could be read, or if one overflowed.

    An item that could not be read counts as much as the worst of those that could, so that no setting
    gains by making answers unreadable. A setting that overflows is worse than any that does not.
    """
    if _overflow(rows):
        return None
    losses = _filled([row.score.loss for row in rows])
    return sum(losses) / len(losses) if losses else None


def _overflow(rows: Sequence[Scored]) -> bool:
    return any(row.score.unscored == OVERFLOWED for row in rows)


def _filled(values: Sequence[float | None]) -> list[float]:
    """The values with the worst of them where there is none; empty if there is none at all."""
    known = [value for value in values if value is not None]
    return [max(known) if value is None else value for value in values] if known else []


def target_losses(rows: Mapping[str, Sequence[Scored]], task: Task | None = None) -> dict[str, float | None]:
    """By target, what calibration minimises: the task's own measure of it if it has one, else the mean loss."""
    measure = task.target_loss if isinstance(task, Choosing) else target_loss
    return {target: None if _overflow(scored) else measure(scored) for target, scored in rows.items()}


def target_costs(rows: Mapping[str, Sequence[Scored]]) -> dict[str, float]:
    """Each target's mean cost over its items, an unknown one as much as the worst.

    Infinite if none is known, or if an item overflowed.
    """
    costs = {
        target: [] if _overflow(of_target) else _filled([scored.score.cost for scored in of_target])
        for target, of_target in rows.items()
    }
    return {target: sum(known) / len(known) if known else math.inf for target, known in costs.items()}
