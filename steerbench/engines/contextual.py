"""Choices with the options' likelihoods after content-free prompts (`Request.neutral`), for contextual calibration."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from steerbench.contracts import Choice, Engine, Prompt, Request

LONG = 128
"""Length in tokens from which sharing a neutral prompt's prefix saves more than it costs in padding."""

Key = tuple[Prompt, tuple[str, ...], str]


def chosen(engine: Engine, requests: Sequence[Request]) -> list[Choice]:
    """The engine's choices, with each request's neutral prompts asked under the same steering.

    Neutral prompts are asked again with every batch, so that its result does not depend on earlier batches. Long ones
    (such as a list of shown answers) are asked in the same call if the engine runs it as one batch, which shares their
    prefix. Short ones get a call of their own, because padding them to the batch would cost more than it saves.
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
    """The distinct neutral requests, each under the steering of the requests that it belongs to."""
    return list({_key(one): one for request in requests for one in _neutral(request)}.values())


def _neutral(request: Request) -> list[Request]:
    return [replace(request, prompt=prompt, neutral=()) for prompt in request.neutral]


def _key(request: Request) -> Key:
    return request.prompt, request.options, request.steering.edits_digest


def _means(choices: Sequence[Choice]) -> tuple[float, ...]:
    """[options]: the mean log-likelihood over choices."""
    return tuple(map(fmean, zip(*(choice.logprobs for choice in choices), strict=True)))
