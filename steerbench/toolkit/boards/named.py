"""The metrics that a task can name: `metrics = ("accuracy", "change", "unscored")`."""

from collections.abc import Mapping, Sequence

import numpy as np

from steerbench.contracts.flags import flag_kind
from steerbench.errors import UserError, unknown
from steerbench.statistics import change_of_share, mean_estimate, share_estimate
from steerbench.toolkit.boards.answers import Answers, Array
from steerbench.toolkit.boards.metric import BoardMetric, Columns, above, beyond, difference, metric

CHANGE = "change"
BOARDS = "tasks that name their metrics"
UNSCORED = flag_kind("unscored", "{share:%} unscored", BOARDS, "some answers got no score; they leave the mean loss")
WORSE = flag_kind(
    "worse", "worse than unsteered", BOARDS, "the interval of the change from unsteered lies on its worse side"
)


@metric("mean loss", by_target=True)
def mean_loss(of: Answers) -> Array:
    """The loss of each answer that has one; an item that lacks one of its targets' counts for none of them."""
    return of.whole(of.losses) if of.by_item else of.losses


@metric("accuracy", higher_is_better=True, estimate=share_estimate, by_target=True)
def accuracy(of: Answers) -> Array:
    """1 for a loss of 0; an answer without a score counts as wrong."""
    return of.each(lambda score: score.loss == 0)


@metric("unscored rate", estimate=share_estimate, warn=above(0.0, UNSCORED))
def unscored(of: Answers) -> Array:
    """1 for an answer without a loss."""
    return of.each(lambda score: score.loss is None)


@metric("cost")
def cost(of: Answers) -> Array | None:
    """What the steering spoils besides (`Score.cost`), of the answers that tell; absent if none does."""
    return _known(of.each(lambda score: score.cost))


@metric("tokens")
def tokens(of: Answers) -> Array | None:
    """The number of generated tokens, from the record; absent unless every answer tells it."""
    found = of.record("tokens")
    return None if np.isnan(found).any() else found


NAMED: Mapping[str, BoardMetric] = {
    "mean-loss": mean_loss,
    "accuracy": accuracy,
    "unscored": unscored,
    "cost": cost,
    "tokens": tokens,
}


def change(headline: BoardMetric) -> BoardMetric:
    """How far the headline is from the unsteered row's."""
    estimate = change_of_share if headline.estimate is share_estimate else mean_estimate
    return difference(headline, CHANGE, estimate, beyond(WORSE, higher=not headline.higher_is_better))


def metrics_named(task: str, metrics: Sequence[str | Columns]) -> tuple[BoardMetric, list[Columns]]:
    """The headline, and all of a task's metrics; each is a name, or the task's own.

    Raises:
        UserError: the first is no headline, or no metric has a name.
    """
    for one in metrics:
        if isinstance(one, str) and one not in (*NAMED, CHANGE):
            raise UserError(f"The task '{task}': {unknown('metric', one, [*NAMED, CHANGE])}")
    headline = NAMED.get(metrics[0]) if metrics and isinstance(metrics[0], str) else next(iter(metrics), None)
    if not isinstance(headline, BoardMetric):
        raise UserError(
            f"The task '{task}' names no headline metric; let its `metrics` begin with one of {', '.join(NAMED)}."
        )
    named = {**NAMED, CHANGE: change(headline)}
    return headline, [named[one] if isinstance(one, str) else one for one in metrics]


def _known(values: Array) -> Array | None:
    return None if np.isnan(values).all() else values
