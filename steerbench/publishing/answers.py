"""Finds answers of a published run that no model can have given, and model-free replies that their method would not
give."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from steerbench.contracts import Choice, Completion, Continued, Outcome, Task
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.contracts.targets import Item, Target
from steerbench.errors import UserError
from steerbench.publishing.making import RebuiltPlan
from steerbench.publishing.recomputation import Rows
from steerbench.publishing.samples import AskedItems, answer_in, setting_in
from steerbench.running.evaluation import SteeredItem, reply_of

ROUNDING = 1e-3
"""Nats by which a log-likelihood may exceed 0, because it is a sum of rounded numbers."""


def wrong_answers(made: RebuiltPlan, asked: AskedItems, samples: Rows) -> Iterator[str]:
    """Impossible answers; the first of each row is reported. Missing answers are found by scoring."""
    for name, of_row in samples.items():
        row, fits = made.rows.get(name), made.fits.get(name, {})
        for (target, item), sample in of_row.items():
            answer = _answer(sample)
            if answer is None:
                continue
            if row is not None and not row.method.needs_model:
                wrong = _unlike_the_reply(made.task, name, answer, *asked[target, item], sample, fits.get(target))
            else:
                wrong = _impossible(made.task, *asked[target, item], sample, answer)
            if wrong:
                yield f"method '{name}', target '{target}', item '{item}': {wrong}."
                break


def limit_of(task: Task) -> int:
    """The maximum tokens of an answer, over both stages."""
    limit = task.sampling.max_new_tokens
    return limit + task.follow_sampling.max_new_tokens if isinstance(task, Continued) else limit


def _answer(sample: Mapping[str, Any]) -> Outcome | float | None:
    try:
        return answer_in(sample)
    except ValueError:
        return None


def _unlike_the_reply(
    task: Task,
    name: str,
    answer: Outcome | float,
    target: Target,
    item: Item,
    sample: Mapping[str, Any],
    fitted: Steering | None,
) -> str:
    """How a model-free answer differs from the method's reply, which can be recomputed; "" if it does not."""
    if fitted is None or fitted.reply is None:
        return ""
    try:
        reply = reply_of(task, name, SteeredItem(target, item, setting_in(sample), fitted))
    except UserError:
        return ""  # scoring reports what is wrong with the item
    if answer == reply:
        return ""
    said, again = (one.text[:60] if isinstance(one, Completion) else one for one in (answer, reply))
    return f"the method replies {again!r} without a model, but the sample says {said!r}"


def _impossible(task: Task, target: Target, item: Item, sample: Mapping[str, Any], answer: Outcome | float) -> str:
    if isinstance(answer, float):
        return "is a tick, but the method asks a model"
    request = task.request(item, target, UNSTEERED)
    options = request.options
    if bool(options) != isinstance(answer, Choice):
        return "the task asks for " + ("a choice between options" if options else "free text") + ", but this is not one"
    if isinstance(answer, Choice):
        return _impossible_choice(answer, len(options), len(options) if request.neutral else 0)
    return _impossible_text(task, answer, sample)


def _impossible_choice(answer: Choice, options: int, neutral: int) -> str:
    if len(answer.logprobs) != options:
        return f"has {len(answer.logprobs)} log-likelihoods for {options} options"
    if len(answer.neutral) != neutral:
        return f"has {len(answer.neutral)} neutral log-likelihoods instead of {neutral}"
    most = max((value for value in (*answer.logprobs, *answer.neutral) if not math.isnan(value)), default=0.0)
    return f"has a log-likelihood of {most:g}, but none can be above 0" if most > ROUNDING else ""


def _impossible_text(task: Task, answer: Completion, sample: Mapping[str, Any]) -> str:
    limit = limit_of(task)
    if answer.tokens > limit:
        return f"has {answer.tokens} tokens, but the task cuts answers at {limit}"
    if answer.tokens == 0 and (answer.text or answer.before):
        return f"has a text of {len(answer.text + answer.before)} characters but no token"
    if answer.finish == "length" and answer.tokens < _least_cut(task):
        return f"is said to be cut at its limit with {answer.tokens} tokens, but the limit is {_least_cut(task)}"
    if answer.finish == "thinking" and answer.text:
        return "is said never to have ended its thoughts, but has a text"
    if sample["before"] and not isinstance(task, Continued):
        return "has a first answer before it, but the task asks once"
    return ""


def _least_cut(task: Task) -> int:
    """The fewest tokens of an answer that was cut. With two stages, only the second may have been cut."""
    limit = task.sampling.max_new_tokens
    return min(limit, task.follow_sampling.max_new_tokens) if isinstance(task, Continued) else limit
