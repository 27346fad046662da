"""An engine that keeps the whole contract on a toy model (`toy_model`): no download, no torch, an instant to build.

Requests are read one by one, so an answer depends on nothing but its request, to the last bit. A plug-in that is tested
on it can be held to exact equality.
"""

import hashlib
from collections.abc import Mapping, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import (
    Activations,
    Choice,
    Completion,
    Engine,
    NeuronStatistics,
    Prompt,
    Request,
    Sampling,
)
from steerbench.contracts.edits import Site
from steerbench.engines.validation import check_counted, check_lengths, check_options, check_steerings
from steerbench.errors import UserError
from steerbench.testing.toy_model import (
    END,
    HEADS,
    LAYERS,
    NEURONS,
    VOCABULARY,
    WIDTHS,
    Reading,
    ToyModel,
    decode,
    encode,
)


def toy_engine(seed: int = 0) -> "ToyEngine":
    """An engine on the toy model with the weights of this seed; two of one seed answer alike, to the last bit."""
    return ToyEngine(seed)


class ToyEngine(Engine):
    """Runs the toy model, `token_budget` tokens a batch."""

    name = "toy"
    layers = LAYERS
    heads = HEADS
    neurons = NEURONS
    width = WIDTHS["head_out"]
    hidden = WIDTHS["resid"]
    architecture = "toy"
    vocabulary = VOCABULARY
    context = 32_768

    def __init__(self, seed: int = 0, token_budget: int = 4096) -> None:
        self.model, self.token_budget = ToyModel(seed), token_budget

    def identity(self) -> Mapping[str, str]:
        weights = b"".join(value.tobytes() for value in vars(self.model).values())
        return {
            "weights": hashlib.sha256(weights).hexdigest(),
            "tokenizer": "characters",
            "chat_template": "role: content",
            "dtype": "float32",
            "engine": self.name,
            "numpy": np.__version__,
        }

    def tokenize(self, prompt: Prompt) -> Sequence[int]:
        """Raises UserError: the prompt is empty."""
        said = "".join(f"{role}: {content}\n" for role, content in prompt.messages)
        tokens = encode(f"{said}assistant: {prompt.start}" if prompt.messages else prompt.start)
        if not tokens:
            raise UserError("A prompt is empty; give it messages, or a text to continue.")
        return tokens

    def lengths(self, requests: Sequence[Request]) -> Sequence[int]:
        return [len(self.tokenize(r.prompt)) + max(map(len, r.options), default=0) for r in requests]

    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        self._check(requests)
        lengths, batches, room = self.lengths(requests), list[list[int]](), 0
        for place in sorted(range(len(requests)), key=lambda place: (lengths[place], place)):
            if not batches or lengths[place] > room:
                batches.append([])
                room = self.token_budget
            batches[-1].append(place)
            room -= lengths[place]
        return batches

    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]:
        """Raises UserError: a request has no options or an empty one, is too long, or its steering does not fit."""
        check_options(requests)
        self._check(requests)
        return [Choice(tuple(self._logprob(request, option) for option in request.options)) for request in requests]

    def capture(self, requests: Sequence[Request], sites: Sequence[Site], front: int = 0) -> Activations:
        """Raises UserError: as `choose`; or `front` is more tokens than a prompt has."""
        self._check(requests)
        seen: dict[Site, list[NDArray[np.float32]]] = {site: [] for site in sites}
        for request in requests:
            readings = [self._read(request, option)[0] for option in request.options or ("",)]
            if front > (short := readings[0].prompt_length):
                raise UserError(f"The first {front} tokens of a prompt were asked for, but one has only {short}.")
            for site in sites:
                # [options, tokens, layers, dim]
                found = [np.stack([one.seen[site, layer] for layer in range(LAYERS)], 1) for one in readings]
                seen[site].append(found[0][:front] if front else np.stack([one[-1] for one in found]))
        return {site: np.stack(found) for site, found in seen.items()}

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Sequence[Completion]:
        """Raises UserError: a request leaves no room for its answer, or its steering does not fit."""
        self._check([Request(one.prompt, one.steering) for one in requests], sampling.max_new_tokens)
        return [self._answered(request, sampling)[0] for request in requests]

    def survey(
        self, requests: Sequence[Request], sampling: Sampling, groups: Sequence[int]
    ) -> tuple[Sequence[Completion], NeuronStatistics]:
        """Raises UserError: as `generate`; or an answer overflowed."""
        self._check([Request(one.prompt, one.steering) for one in requests], sampling.max_new_tokens)
        answered = [self._answered(request, sampling) for request in requests]
        check_counted([completion for completion, _ in answered])
        shape = (max(groups, default=-1) + 1, LAYERS, NEURONS)
        tokens, positive, p95 = np.zeros(shape[0], np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        for group in range(shape[0]):
            own = [neurons for (_, neurons), of in zip(answered, groups, strict=True) if of == group]
            values = np.concatenate([np.zeros((0, LAYERS, NEURONS), np.float32), *own])
            tokens[group], positive[group] = len(values), (values > 0).sum(0)
            if len(values):
                p95[group] = np.maximum(np.quantile(values, 0.95, axis=0, method="inverted_cdf"), 0)
        return [completion for completion, _ in answered], NeuronStatistics(tokens, positive, p95, 0.0)

    # -- one request

    def _check(self, requests: Sequence[Request], room: int = 0) -> None:
        check_steerings((request.steering for request in requests), LAYERS, WIDTHS.__getitem__)
        check_lengths(requests, self.lengths(requests), self.context, room)

    def _read(self, request: Request, option: str = "") -> tuple[Reading, NDArray[np.float32], list[int]]:
        """A prompt and an option behind it, read: log-probabilities of the next token after each, the option's own."""
        prompt, behind = list(self.tokenize(request.prompt)), encode(option)
        reading = Reading(len(prompt))
        return reading, self.model.read(reading, [*prompt, *behind], request.steering.edits), behind

    def _logprob(self, request: Request, option: str) -> float:
        if not option:
            raise UserError(f"An option of a request is empty: {', '.join(map(repr, request.options))}.")
        reading, after, tokens = self._read(request, option)
        return float(after[np.arange(reading.prompt_length - 1, reading.length - 1), tokens].sum(dtype=np.float64))

    def _answered(self, request: Request, sampling: Sampling) -> tuple[Completion, NDArray[np.float32]]:
        """The answer, and [tokens, layers, neurons]: what the neurons did at each of its tokens but the last."""
        reading, after, _ = self._read(request)
        known, random = set(self.tokenize(request.prompt)), _generator(request, sampling)
        said, did = list[int](), list[NDArray[np.float32]]()
        while len(said) < sampling.max_new_tokens:
            if said:
                after = self.model.read(reading, said[-1:], request.steering.edits)
                did.append(np.stack([reading.seen["mlp_act", layer][0] for layer in range(LAYERS)]))
            if not np.isfinite(after[-1]).all():
                return Completion("", len(said), "overflow"), _stacked(did)
            said.append(_draw(after[-1], known, sampling, random))
            known.add(said[-1])
            if said[-1] == END:
                return Completion(decode(said[:-1]), len(said), "stop"), _stacked(did)
        return Completion(decode(said), len(said), "length"), _stacked(did)


def _generator(request: Request, sampling: Sampling) -> np.random.Generator:
    """Of each prompt its own, so that an answer does not depend on what is asked beside it."""
    return np.random.default_rng([sampling.seed, crc32(repr(request.prompt).encode(errors="surrogatepass"))])


def _stacked(rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.stack(rows) if rows else np.zeros((0, LAYERS, NEURONS), np.float32)


def _draw(logprobs: NDArray[np.float32], known: set[int], sampling: Sampling, random: np.random.Generator) -> int:
    logprobs = logprobs.astype(np.float64)
    # Log-probabilities are negative, so that a penalty (over 1) makes them smaller by multiplying.
    logprobs[sorted(known)] *= sampling.repetition_penalty
    if sampling.temperature == 0:
        return int(logprobs.argmax())
    weights = np.exp((logprobs - logprobs.max()) / sampling.temperature)
    order = np.argsort(-weights, kind="stable")
    before = np.cumsum(weights[order]) - weights[order]
    kept = order[before <= sampling.top_p * weights.sum()] if sampling.top_p < 1 else order
    return int(random.choice(kept, p=weights[kept] / weights[kept].sum()))
