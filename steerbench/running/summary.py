"""A task's board: by its own `summarise`, or from the metrics that it names."""

from collections.abc import Mapping, Sequence

from steerbench.contracts import Measured, Revealing, Scored, Summarising, Summary, Task
from steerbench.errors import UserError
from steerbench.records.plan import roles_of
from steerbench.toolkit.boards.board import board
from steerbench.toolkit.boards.metric import BoardMetric, Columns
from steerbench.toolkit.boards.named import metrics_named


def check_board(task: Task) -> None:
    """Raises UserError: the task has neither `summarise` nor `metrics`, or names a metric that there is not."""
    if not isinstance(task, Summarising):
        _metrics_of(task)


def summary_of(task: Task, scored: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
    """The board of a task's rows: its own, or that of its metrics.

    Raises:
        UserError: the task has neither, or names a metric that there is not.
    """
    if isinstance(task, Summarising):
        return task.summarise(scored, seed)
    headline, metrics = _metrics_of(task)
    return board(
        scored,
        headline,
        metrics,
        roles_of(task),
        task.over,
        seed,
        task.nothing_to_lose,
        task.unread if isinstance(task, Revealing) else None,
    )


def _metrics_of(task: Task) -> tuple[BoardMetric, list[Columns]]:
    if not isinstance(task, Measured):
        raise UserError(
            f"The task '{task.name}' has no board; give it `metrics` (such as 'mean-loss', 'unscored') or `summarise`."
        )
    return metrics_named(task.name, task.metrics)
