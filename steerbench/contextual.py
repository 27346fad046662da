"""Choices beside what each option is worth after prompts without content (`Request.neutral`)."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from steerbench.contracts import Choice, Engine, Prompt, Request

Key = tuple[Prompt, tuple[str, ...], str]


def chosen(engine: Engine, requests: Sequence[Request]) -> list[Choice]:
    """The engine's choices, each with its request's neutral prompts asked under the same steering.

    Those are asked beside each batch anew, so that a batch gives the same whatever was asked before it, and in one call
    with it: what they share with its prompts, a list of shown answers above all, is computed once.
    """
    bare = [[replace(request, prompt=prompt, neutral=()) for prompt in request.neutral] for request in requests]
    distinct = {_key(one): one for of_request in bare for one in of_request}
    choices = engine.choose([*requests, *distinct.values()])
    said, worth = choices[: len(requests)], dict(zip(distinct, choices[len(requests) :], strict=True))
    return [
        replace(choice, neutral=_means([worth[_key(one)] for one in of_request])) if of_request else choice
        for choice, of_request in zip(said, bare, strict=True)
    ]


def _key(request: Request) -> Key:
    return request.prompt, request.options, request.steering.edits_digest


def _means(choices: Sequence[Choice]) -> tuple[float, ...]:
    """By option."""
    return tuple(map(fmean, zip(*(choice.logprobs for choice in choices), strict=True)))
