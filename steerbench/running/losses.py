"""A target's calibration loss, and the cost that calibration keeps below a ceiling, from its scores."""

import math
from collections.abc import Mapping, Sequence

from steerbench.contracts import Choosing, Scored, Task
from steerbench.running.evaluation import OVERFLOWED


def target_loss(rows: Sequence[Scored]) -> float | None:
    """Mean loss over a target's items; None if no loss is known, or if an item overflowed.

    An unreadable item gets the worst known loss of the target, so that no setting gains from unreadable answers. A
    setting that overflows is worse than any other.
    """
    if _overflow(rows):
        return None
    losses = _filled([row.score.loss for row in rows])
    return sum(losses) / len(losses) if losses else None


def _overflow(rows: Sequence[Scored]) -> bool:
    return any(row.score.unscored == OVERFLOWED for row in rows)


def _filled(values: Sequence[float | None]) -> list[float]:
    """Replaces missing values by the largest known one; empty if no value is known."""
    known = [value for value in values if value is not None]
    return [max(known) if value is None else value for value in values] if known else []


def target_losses(rows: Mapping[str, Sequence[Scored]], task: Task | None = None) -> dict[str, float | None]:
    """Each target's calibration loss: the task's own measure if it has one, otherwise the mean loss."""
    measure = task.target_loss if isinstance(task, Choosing) else target_loss
    return {target: None if _overflow(scored) else measure(scored) for target, scored in rows.items()}


def target_costs(rows: Mapping[str, Sequence[Scored]]) -> dict[str, float]:
    """Each target's mean cost over its items; an unknown cost counts as the largest known one.

    Infinite if no cost is known, or if an item overflowed.
    """
    costs = {
        target: [] if _overflow(of_target) else _filled([scored.score.cost for scored in of_target])
        for target, of_target in rows.items()
    }
    return {target: sum(known) / len(known) if known else math.inf for target, known in costs.items()}
