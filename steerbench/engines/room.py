"""Checks, before anything is computed, that all requests fit the model's context."""

from collections.abc import Iterable, Sequence

from steerbench.contracts import Completion, Continued, Engine, Request, Task
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, Target
from steerbench.engines.validation import too_long
from steerbench.errors import UserError

ItemUnderSteering = tuple[Target, Item, Steering]


def check_room(engine: Engine, task: Task, method: str, asked: Iterable[ItemUnderSteering]) -> None:
    """Check that every distinct prompt fits the context together with the longest possible answer.

    Raises:
        UserError: an item, with the method's prompt before it, does not fit.
    """
    distinct: dict[tuple[object, ...], tuple[Request, str]] = {}
    for target, item, steering in asked:
        request = task.request(item, target, steering)
        distinct.setdefault((request.prompt, request.options), (request, item.id))
        last = _last_stage(task, item, target, steering)
        if last is not None:
            distinct.setdefault((last.prompt, last.options), (last, item.id))
    requests = [request for request, _ in distinct.values()]
    for (request, item_id), length in zip(distinct.values(), engine.lengths(requests), strict=True):
        room = 0 if request.options else _room(task)
        if length + room > engine.context:
            raise UserError(too_long(f"The item {item_id}, as '{method}' asks it,", length, engine.context, room))


def without_room(engine: Engine, requests: Sequence[Request]) -> dict[int, str]:
    """By index, the requests that do not fit the model's context, each with the reason in words."""
    return {
        place: f"it needs {length} tokens, and the judging model's context holds {engine.context}"
        for place, length in enumerate(engine.lengths(requests))
        if length > engine.context
    }


def _room(task: Task) -> int:
    """The most tokens that a free-text answer may have, over all its stages."""
    return task.sampling.max_new_tokens + (task.follow_sampling.max_new_tokens if isinstance(task, Continued) else 0)


def _last_stage(task: Task, item: Item, target: Target, steering: Steering) -> Request | None:
    """The second stage's request, with an empty first answer; None if the task has one stage."""
    if not isinstance(task, Continued):
        return None
    return task.follow_up(item, target, steering, Completion("", 0, "stop"))
