"""Engines: batches of requests to a model, each with its own steering."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.edits import Site
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.errors import UserError


@dataclass(frozen=True)
class Prompt:
    """What the model is given: chat messages (role, content) and the words its answer starts with.

    With no messages, `start` alone is the prompt: plain text that the model continues.
    """

    messages: tuple[tuple[str, str], ...] = ()
    start: str = ""


@dataclass(frozen=True)
class Sampling:
    """How free text is drawn. Temperature 0 is greedy."""

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Request:
    """One question to a model under one steering.

    With `options` the answer is their log-likelihoods (`Engine.choose`), without it is free text (`Engine.generate`).
    `prompt` already contains the steering's prompt change; the engine only applies the edits.

    `neutral` are content-free prompts after which the same options are scored under the same steering
    (`Choice.neutral`). The harness asks them; an engine leaves room for them in a batch.
    """

    prompt: Prompt
    steering: Steering = UNSTEERED
    options: tuple[str, ...] = ()
    neutral: tuple[Prompt, ...] = ()


@dataclass(frozen=True)
class Choice:
    """Log-likelihood (nats) of each option's text after the prompt; nan where the steering overflowed.

    An option's tokens are those it has in the text of prompt and option together. `neutral` has the means over the
    request's neutral prompts, and is empty where there were none.
    """

    logprobs: tuple[float, ...]
    neutral: tuple[float, ...] = ()

    @property
    def overflowed(self) -> bool:
        return any(math.isnan(logprob) for logprob in (*self.logprobs, *self.neutral))

    def probabilities(self) -> NDArray[np.float64]:
        """Probabilities normalised over the options.

        With neutral prompts, likelihoods are first divided by those after the neutral prompts, which removes what the
        model answers to everything (contextual calibration, Zhao et al. 2021, section 4).
        """
        told = np.asarray(self.logprobs) - (np.asarray(self.neutral) if self.neutral else 0.0)
        shifted = np.exp(told - told.max())
        return np.asarray(shifted / shifted.sum())


@dataclass(frozen=True)
class Completion:
    """Free text, the number of its tokens, and why it ended.

    `finish` is `overflow` if the model's next logits were no numbers, and `thinking` if it never left its thoughts:
    `text` is then empty. `before` is what the model said first, if its answer was asked in two stages (`Continued`);
    `tokens` are both's. `thoughts` are what it thought aloud (`contracts.thoughts`): counted as tokens, never scored.
    """

    text: str
    tokens: int
    finish: Literal["stop", "length", "thinking", "overflow"]
    before: str = ""
    thoughts: str = ""

    @property
    def overflowed(self) -> bool:
        return self.finish == "overflow"

    @property
    def answered(self) -> bool:
        """Whether there is an answer that can be read or judged, cut at its limit or not."""
        return self.finish in ("stop", "length")


Outcome = Choice | Completion


Activations = Mapping[Site, NDArray[np.float32]]
"""Per site, [requests, options, layers, dim]: the last token of each option (of the prompt, if the
request has none, and then there is one option). With `front=k`: [requests, k, layers, dim], the first
k tokens of the prompt."""


@dataclass(frozen=True, eq=False)
class NeuronStatistics:
    """How FFN neurons (`mlp_act`) behaved over the tokens that a model generated and read, by group of requests.

    `tokens` [groups]: how many there were: of each answer all but the last token, which is never read.
    `positive` [groups, layers, neurons]: on how many of them a neuron's activation was above 0.
    `p95` [groups, layers, neurons]: the 95th percentile of its activation over all of them, off by at most
    `p95_error` of itself; 0 if the neuron was positive on no more than a twentieth of them.
    """

    tokens: NDArray[np.int64]
    positive: NDArray[np.int64]
    p95: NDArray[np.float32]
    p95_error: float


class Engine(Protocol):
    """Runs batches of requests, each with its own steering.

    `heads` and `neurons` (of the FFN) are counted per layer; `width` is the width of `head_out`. `architecture` is the
    model type in its configuration ("llama"), and `vocabulary` the number of output tokens. `context` is the largest
    number of tokens of a sequence, answer included; longer requests are refused before anything is computed.
    """

    name: str
    """The name under which it is registered."""

    layers: int
    heads: int
    neurons: int
    width: int
    architecture: str
    vocabulary: int
    context: int

    hidden: int = 0
    """Width of the residual stream (`resid`); 0 if unknown."""

    @abstractmethod
    def identity(self) -> Mapping[str, str]:
        """Everything that a result depends on: weights, tokenizer, template, dtype, engine and versions."""
        ...

    @abstractmethod
    def tokenize(self, prompt: Prompt) -> Sequence[int]:
        """A prompt's token ids, as the model is given them."""
        ...

    @abstractmethod
    def lengths(self, requests: Sequence[Request]) -> Sequence[int]:
        """The number of tokens of each request: its prompt's and, if it has options, those of the longest option."""
        ...

    @abstractmethod
    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        """Indices of the requests that are run together; always the same for the same requests."""
        ...

    @abstractmethod
    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]: ...

    @abstractmethod
    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Sequence[Completion]: ...

    @abstractmethod
    def capture(self, requests: Sequence[Request], sites: Sequence[Site], front: int = 0) -> Activations: ...


class RegisteredEngine(Engine, Protocol):
    """An engine that can be loaded by its name."""

    @classmethod
    @abstractmethod
    def load(
        cls, spec: str, dtype: str | None = None, device: str | None = None, chat_template: Path | None = None
    ) -> Self:
        """Load a model by a registered name, a Hugging Face id or a folder. It may take further parameters.

        Raises:
            UserError: the model cannot be had, or is not supported.
        """
        ...


@runtime_checkable
class Packing(Protocol):
    """Optional: an engine whose batches depend on the memory that it found."""

    token_budget: int


@runtime_checkable
class Surveying(Protocol):
    """Optional: an engine that records FFN neuron statistics during generation, which NPTI's search needs."""

    def survey(
        self, requests: Sequence[Request], sampling: Sampling, groups: Sequence[int]
    ) -> tuple[Sequence[Completion], NeuronStatistics]:
        """`generate`, with neuron statistics; `groups` [requests] gives each request's group, counted from 0."""
        ...


def surveying(engine: Engine) -> Surveying:
    """The engine, if it records neuron statistics. Raises UserError: it does not."""
    if not isinstance(engine, Surveying):
        raise UserError(f"The engine '{engine.name}' does not count what neurons do: search them with --engine hf.")
    return engine


def packing_of(engine: object) -> Packing | None:
    """The engine, if its batches depend on memory."""
    return engine if isinstance(engine, Packing) else None


def batched(requests: Sequence[Request], engine: Engine) -> Iterator[tuple[list[int], list[Request]]]:
    """The requests in the engine's own batches, with their places in the sequence."""
    for indices in engine.batches(requests):
        yield list(indices), [requests[i] for i in indices]
