"""Answers of a published run that no model can have given, and replies that are not what their method says."""

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
"""Nats by which a log-likelihood may lie above 0: likelihoods are sums of rounded numbers."""


def wrong_answers(made: RebuiltPlan, asked: AskedItems, samples: Rows) -> Iterator[str]:
    """Answers that cannot be; of a row the first is told. What is no answer at all, scoring finds."""
    for name, of_row in samples.items():
        row, fits = made.rows.get(name), made.fits.get(name, {})
        for (target, item), sample in of_row.items():
            answer = _answer(sample)
            if answer is None:
                continue
            if row is not None and not row.method.needs_model:
                wrong = _unlike_the_reply(answer, *asked[target, item], sample, fits.get(target))
            else:
                wrong = _impossible(made.task, *asked[target, item], sample, answer)
            if wrong:
                yield f"method '{name}', target '{target}', item '{item}': {wrong}."
                break


def limit_of(task: Task) -> int:
    """The most tokens of an answer, both its stages together."""
    limit = task.sampling.max_new_tokens
    return limit + task.follow_sampling.max_new_tokens if isinstance(task, Continued) else limit


def _answer(sample: Mapping[str, Any]) -> Outcome | float | None:
    try:
        return answer_in(sample)
    except ValueError:
        return None


def _unlike_the_reply(
    answer: Outcome | float, target: Target, item: Item, sample: Mapping[str, Any], fitted: Steering | None
) -> str:
    """Of a method that asks no model: what it replies can be made again."""
    if fitted is None or fitted.reply is None:
        return ""
    try:
        reply = reply_of(SteeredItem(target, item, setting_in(sample), fitted))
    except UserError:
        return ""  # scoring says what it makes of the item
    if answer == reply:
        return ""
    said, again = (one.text[:60] if isinstance(one, Completion) else one for one in (answer, reply))
    return f"the method replies {again!r} and asks no model, and the sample says {said!r}"


def _impossible(task: Task, target: Target, item: Item, sample: Mapping[str, Any], answer: Outcome | float) -> str:
    if isinstance(answer, float):
        return "is a tick, and the method asks a model"
    request = task.request(item, target, UNSTEERED)
    options = request.options
    if bool(options) != isinstance(answer, Choice):
        return "the task asks for " + ("a choice between options" if options else "free text") + ", and this is none"
    if isinstance(answer, Choice):
        return _impossible_choice(answer, len(options), len(options) if request.neutral else 0)
    return _impossible_text(task, answer, sample)


def _impossible_choice(answer: Choice, options: int, neutral: int) -> str:
    if len(answer.logprobs) != options:
        return f"has {len(answer.logprobs)} log-likelihoods for {options} options"
    if len(answer.neutral) != neutral:
        return f"has {len(answer.neutral)} neutral log-likelihoods, where there are {neutral}"
    most = max((value for value in (*answer.logprobs, *answer.neutral) if not math.isnan(value)), default=0.0)
    return f"has a log-likelihood of {most:g}, and none is above 0" if most > ROUNDING else ""


def _impossible_text(task: Task, answer: Completion, sample: Mapping[str, Any]) -> str:
    limit = limit_of(task)
    if answer.tokens > limit:
        return f"has {answer.tokens} tokens, and the task cuts answers at {limit}"
    if answer.tokens == 0 and (answer.text or answer.before):
        return f"has a text of {len(answer.text + answer.before)} characters and no token"
    if answer.finish == "length" and answer.tokens < _least_cut(task):
        return f"is said to be cut at its limit with {answer.tokens} tokens, and the limit is {_least_cut(task)}"
    if answer.finish == "thinking" and answer.text:
        return "is said never to have left its thoughts, and has a text"
    if sample["before"] and not isinstance(task, Continued):
        return "has something said before it, and the task asks once"
    return ""


def _least_cut(task: Task) -> int:
    """The fewest tokens of an answer that was cut: of two stages, only the last may have been."""
    limit = task.sampling.max_new_tokens
    return min(limit, task.follow_sampling.max_new_tokens) if isinstance(task, Continued) else limit
