"""Decides whether a continuation is the model's greedy output, using only the engine contract.

A `Choice` has the likelihoods of options, but not of competing tokens. So greedy text is generated too, if likelihoods
alone do not decide.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steerbench.bridges.boundaries import PromptOption
from steerbench.contracts import Engine, Request, Sampling, batched
from steerbench.engines.answers import decoded

MAJORITY = math.log(0.5) + 1e-3
"""A continuation with probability above 1/2 has probability above 1/2 at each of its tokens, so it is greedy."""


@dataclass(frozen=True)
class ScoredContinuations:
    """A context as a request, its continuations, and their log-likelihoods."""

    request: Request
    pairs: Sequence[PromptOption]
    logprobs: Sequence[float]


def greedy(engine: Engine, tokenizer: Any, scored: Sequence[ScoredContinuations]) -> list[list[bool]]:
    """For each context and continuation, whether greedy decoding after the context gives the continuation.

    Contexts without a continuation of probability above 1/2 need a second pass, which generates one token. If it is a
    continuation's first token, the continuation's length is generated. Texts are compared, not tokens; this matters
    only if a model generates a text in other tokens than its tokenizer encodes.
    """
    known = [_from_likelihoods(one) for one in scored]
    firsts = _generated(
        engine, [one.request if None in held else None for one, held in zip(scored, known, strict=True)], 1
    )
    open_by_length: dict[int, list[tuple[int, int]]] = {}
    for place, (one, held, first) in enumerate(zip(scored, known, firsts, strict=True)):
        for number, pair in enumerate(one.pairs):
            if held[number] is None:
                begins = decoded(tokenizer, pair.tokens[:1]) == first
                held[number] = begins
                if begins and len(pair.tokens) > 1:
                    open_by_length.setdefault(len(pair.tokens), []).append((place, number))
    for length, places in sorted(open_by_length.items()):
        said = _generated(engine, [scored[place].request for place, _ in places], length)
        for (place, number), text in zip(places, said, strict=True):
            tokens = scored[place].pairs[number].tokens
            known[place][number] = decoded(tokenizer, tokens) == text
    return [[bool(one) for one in held] for held in known]


def _from_likelihoods(scored: ScoredContinuations) -> list[bool | None]:
    """Decide from a continuation with probability above 1/2: its prefixes are greedy, longer ones undecided (None)."""
    sure = [pair.tokens for pair, logprob in zip(scored.pairs, scored.logprobs, strict=True) if logprob > MAJORITY]
    if not sure:
        return [None] * len(scored.pairs)
    longest = max(sure, key=len)
    found: list[bool | None] = []
    for pair in scored.pairs:
        shared = min(len(pair.tokens), len(longest))
        agrees = pair.tokens[:shared] == longest[:shared]
        found.append(None if agrees and len(pair.tokens) > len(longest) else agrees)
    return found


def _generated(engine: Engine, requests: Sequence[Request | None], tokens: int) -> list[str | None]:
    """Greedy text of `tokens` tokens after each prompt; None where the request is None."""
    asked = [place for place, request in enumerate(requests) if request is not None]
    texts: list[str | None] = [None] * len(requests)
    if not asked:
        return texts
    wanted = [Request(request.prompt, request.steering) for request in requests if request is not None]
    for places, part in batched(wanted, engine):
        for place, completion in zip(places, engine.generate(part, Sampling(max_new_tokens=tokens)), strict=True):
            texts[asked[place]] = completion.text
    return texts
