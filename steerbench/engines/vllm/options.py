"""Likelihoods of options as sequences for vLLM, which are read off in one of two ways.

By places: each place of the tree of options is a sequence of its own, whose next token is asked for. A prompt that
the cache has costs nothing, and what options have in common is asked once: right for labels.
Whole: each option is one sequence with its prompt, whose tokens' likelihoods are asked for. vLLM then computes the
prompt too, but no token twice: right for answers in free text, which would be a sequence for every token.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from steerbench.contracts import Request
from steerbench.engines.branches import Branch
from steerbench.engines.vllm.client import Ask

PLACE = 16
"""Tokens that a place costs, about: the cache has whole blocks only, and each place asks for the vocabulary."""

NEXT_TOKEN = {"max_tokens": 1, "temperature": 0.0}
EVERY_TOKEN = NEXT_TOKEN | {"prompt_logprobs": 0}


def option_asks(request: Request, branch: Branch) -> list[Ask]:
    """The sequences of a request's options; `likelihoods` reads what comes of them."""
    if _whole(branch):
        return [
            Ask([*branch.path(pairs[-1][0]), pairs[-1][1]], request.steering, branch.prompt_length, EVERY_TOKEN)
            for pairs in branch.scored
        ]
    return [
        Ask(branch.path(place), request.steering, branch.prompt_length, NEXT_TOKEN | {"logprob_token_ids": wanted})
        for place, wanted in _places(branch).items()
    ]


def likelihoods(branch: Branch, outputs: Sequence[Any]) -> tuple[float, ...]:
    """Of each option, from vLLM's outputs for its branch's sequences."""
    if _whole(branch):
        return tuple(total(output, branch.prompt_length) for output in outputs)
    known = dict(zip(_places(branch), (output.outputs[0].logprobs[0] for output in outputs), strict=True))
    return tuple(sum(float(known[place][token].logprob) for place, token in pairs) for pairs in branch.scored)


def total(output: Any, start: int) -> float:
    """Log-likelihood (nats) of a sequence's tokens from a place on, all of whose tokens were asked for."""
    tokens, known = output.prompt_token_ids, output.prompt_logprobs
    return sum(float(known[place][tokens[place]].logprob) for place in range(start, len(tokens)))


def _whole(branch: Branch) -> bool:
    """Whether reading options whole is less work."""
    tokens = sum(branch.prompt_length + len(pairs) for pairs in branch.scored)
    return tokens < PLACE * len(_places(branch))


def _places(branch: Branch) -> dict[int, list[int]]:
    """By place in a branch, the tokens whose log-probability after it is asked for."""
    pairs = sorted({pair for pairs in branch.scored for pair in pairs})
    return {place: [token for _, token in same] for place, same in groupby(pairs, key=lambda pair: pair[0])}
