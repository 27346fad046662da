"""Choices beside what each option is worth after prompts without content (`Request.neutral`)."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from steerbench.contracts import Choice, Engine, Prompt, Request

LONG = 128
"""Tokens of a neutral prompt from which on sharing its beginning is worth more than it costs in padding."""

Key = tuple[Prompt, tuple[str, ...], str]


def chosen(engine: Engine, requests: Sequence[Request]) -> list[Choice]:
    """The engine's choices, each with its request's neutral prompts asked under the same steering.

    Those are asked beside each batch anew, so that a batch gives the same whatever was asked before it. Long ones (a
    list of shown answers) are one call with it, if the engine runs that as one batch: what they share is computed once.
    Short ones are a call of their own: packed beside the batch's prompts they would cost more padding than they share.
    """
    beside = neutrals(requests)
    together = [*requests, *beside]
    long = bool(beside) and max(engine.lengths(beside)) > LONG
    at_once = not beside or (long and len(engine.batches([replace(one, neutral=()) for one in together])) == 1)
    choices = engine.choose(together) if at_once else [*engine.choose(requests), *engine.choose(beside)]
    worth = dict(zip(map(_key, beside), choices[len(requests) :], strict=True))
    return [
        replace(choice, neutral=_means([worth[_key(one)] for one in _neutral(request)])) if request.neutral else choice
        for choice, request in zip(choices, requests, strict=False)
    ]


def neutrals(requests: Sequence[Request]) -> list[Request]:
    """The distinct requests that neutral prompts come to, each under the steering of those it stands beside."""
    return list({_key(one): one for request in requests for one in _neutral(request)}.values())


def _neutral(request: Request) -> list[Request]:
    return [replace(request, prompt=prompt, neutral=()) for prompt in request.neutral]


def _key(request: Request) -> Key:
    return request.prompt, request.options, request.steering.edits_digest


def _means(choices: Sequence[Choice]) -> tuple[float, ...]:
    """By option."""
    return tuple(map(fmean, zip(*(choice.logprobs for choice in choices), strict=True)))
