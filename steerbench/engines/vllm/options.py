"""Computes likelihoods of options with vLLM sequences, in one of two ways.

By places: each place of the option tree is one sequence, for which next-token probabilities are requested. Cached
prompts cost nothing, and common prefixes of options are computed once. This suits short labels.
Whole: each option with its prompt is one sequence, for which all token probabilities are requested. vLLM computes the
prompt again, but each option's tokens only once. This suits long answers, which would need one sequence per token.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from steerbench.contracts import Request
from steerbench.engines.branches import Branch
from steerbench.engines.vllm.client import Ask

PLACE = 16
"""Approximate cost of a place in tokens: cached prefixes are whole blocks, and each place computes all logits."""

NEXT_TOKEN = {"max_tokens": 1, "temperature": 0.0}
EVERY_TOKEN = NEXT_TOKEN | {"prompt_logprobs": 0}


def option_asks(request: Request, branch: Branch) -> list[Ask]:
    """The sequences of a request's options; `likelihoods` reads their outputs."""
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
    """[options]: log-likelihoods (nats), from vLLM's outputs for the branch's sequences."""
    if _whole(branch):
        return tuple(total(output, branch.prompt_length) for output in outputs)
    known = dict(zip(_places(branch), (output.outputs[0].logprobs[0] for output in outputs), strict=True))
    return tuple(sum(float(known[place][token].logprob) for place, token in pairs) for pairs in branch.scored)


def total(output: Any, start: int) -> float:
    """Log-likelihood (nats) of a sequence's tokens from index `start`, if all token probabilities were requested."""
    tokens, known = output.prompt_token_ids, output.prompt_logprobs
    return sum(float(known[place][tokens[place]].logprob) for place in range(start, len(tokens)))


def _whole(branch: Branch) -> bool:
    """Whether whole sequences are cheaper than places."""
    tokens = sum(branch.prompt_length + len(pairs) for pairs in branch.scored)
    return tokens < PLACE * len(_places(branch))


def _places(branch: Branch) -> dict[int, list[int]]:
    """By place in a branch, the tokens whose log-probability after that place is needed."""
    pairs = sorted({pair for pairs in branch.scored for pair in pairs})
    return {place: [token for _, token in same] for place, same in groupby(pairs, key=lambda pair: pair[0])}
