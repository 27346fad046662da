"""Whether what is to be asked fits the model's context, found before anything is computed for it."""

from collections.abc import Iterable, Sequence

from steerbench.contracts import Completion, Continued, Engine, Request, Task
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, Target
from steerbench.engines.validation import too_long
from steerbench.errors import UserError

ItemUnderSteering = tuple[Target, Item, Steering]


def check_room(engine: Engine, task: Task, method: str, asked: Iterable[ItemUnderSteering]) -> None:
    """Check everything that is asked, each distinct prompt once, with the most that may be answered.

    Raises:
        UserError: an item, with what the method says before it, is longer than the model's context.
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
    """The requests that are longer than the model's context, by place, each with the reason in words."""
    return {
        place: f"it needs {length} tokens, and the judging model's context holds {engine.context}"
        for place, length in enumerate(engine.lengths(requests))
        if length > engine.context
    }


def _room(task: Task) -> int:
    """The most tokens that free text may have, in all its stages."""
    return task.sampling.max_new_tokens + (task.follow_sampling.max_new_tokens if isinstance(task, Continued) else 0)


def _last_stage(task: Task, item: Item, target: Target, steering: Steering) -> Request | None:
    """What is asked in a second stage, before what was said in the first is put into it."""
    if not isinstance(task, Continued):
        return None
    return task.follow_up(item, target, steering, Completion("", 0, "stop"))
