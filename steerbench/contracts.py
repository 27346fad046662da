"""The contracts: what a method, a task, a judge and an engine are to each other.

A method turns targets into steerings, a task asks items and scores what comes back, an engine runs
many requests at once, each under its own steering. None knows another by name.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from steerbench.steering import UNSTEERED, Site, Steering
from steerbench.targets import Item, Target


class Split(StrEnum):
    """Calibration chooses a strength; test measures and is sealed until the choice is frozen."""

    CALIBRATION = "calibration"
    TEST = "test"


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

    With `options` the answer is their log-likelihoods (`Engine.choose`), without it is free text
    (`Engine.generate`). `prompt` already says what the steering's prompt change wants said; the engine
    applies the edits.
    """

    prompt: Prompt
    steering: Steering = UNSTEERED
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """Log-likelihood (nats) of each option's text after the prompt."""

    logprobs: tuple[float, ...]

    def probabilities(self) -> NDArray[np.float64]:
        """The same, normalised over the options."""
        shifted = np.exp(np.asarray(self.logprobs) - max(self.logprobs))
        return np.asarray(shifted / shifted.sum())


@dataclass(frozen=True)
class Completion:
    """Free text, the number of its tokens, and why it ended."""

    text: str
    tokens: int
    finish: Literal["stop", "length"]


Outcome = Choice | Completion


@dataclass(frozen=True)
class Score:
    """What one outcome is worth.

    `loss` is what calibration minimises; None if the outcome could not be read, and then `unscored`
    says why. `record` is what the task wants back when it summarises (JSON values). `cost` is what the
    steering spoils besides (5 less the fluency, say): calibration may have to keep it under a ceiling.
    """

    loss: float | None
    record: Mapping[str, Any] = field(default_factory=dict)
    unscored: str = ""
    cost: float | None = None


@dataclass(frozen=True)
class Scored:
    """One item of one target, scored: a row of a method's results."""

    target: str
    item: str
    score: Score


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
    """Runs many requests, each under its own steering, in one batch."""

    name: str
    layers: int
    heads: int
    width: int

    def identity(self) -> Mapping[str, str]:
        """What a result depends on: weights, tokenizer, template, dtype, engine and versions."""
        ...

    def tokenize(self, prompt: Prompt) -> Sequence[int]:
        """A prompt's token ids, as the model is given them."""
        ...

    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        """Indices of the requests that are run together: the same for the same requests, every time."""
        ...

    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]: ...

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Sequence[Completion]: ...

    def survey(
        self, requests: Sequence[Request], sampling: Sampling, groups: Sequence[int]
    ) -> tuple[Sequence[Completion], NeuronStatistics]:
        """`generate`, while counting what the neurons do; `groups` [requests] numbers each request's group from 0."""
        ...

    def capture(self, requests: Sequence[Request], sites: Sequence[Site], front: int = 0) -> Activations: ...

    def text_logprob(self, texts: Sequence[str]) -> Sequence[float]: ...


@runtime_checkable
class Method(Protocol):
    """Turns targets into steerings of unit strength.

    A method with `needs_model = False` is fitted with no engine and answers by `Steering.reply`.
    `strengths` bounds what calibration may try; (1, 1) means there is nothing to choose.
    """

    name: str
    needs_model: bool
    strengths: tuple[float, float]

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]: ...


class Task(Protocol):
    """Asks a steered model its items and scores what comes back.

    `targets` differ by split in what they show of themselves: while calibrating, the calibration
    items' answers are held out. `score` of a test item raises until `unseal` was called.
    """

    name: str
    sampling: Sampling

    def identity(self) -> Mapping[str, str]: ...

    def targets(self, split: Split) -> Sequence[Target]: ...

    def items(self, target: Target, split: Split) -> Sequence[Item]: ...

    def request(self, item: Item, target: Target, steering: Steering) -> Request: ...

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        """Score an engine's outcome, or a tick that a trivial method replied."""
        ...

    def unseal(self) -> None: ...

    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> "Summary": ...


PENDING = "not rated yet"
"""`Score.unscored` of an answer that judges have still to rate."""


@runtime_checkable
class Judged(Protocol):
    """What a task has besides, if its answers are rated by judges.

    `judges` names the judge of each role ("trait", "fluency") unless the user names another. `score` of a
    completion is then a `PENDING` one, and `rated` gives the score that takes its place. `cases` may ask for
    less while calibrating. `reference` is the method whose mean cost on the calibration items, target by
    target, no chosen strength may exceed where another was possible ("" if there is no such rule).
    """

    judges: Mapping[str, str]
    reference: str

    def cases(self, item: Item, target: Target, answer: Completion, split: Split) -> Sequence["Case"]: ...

    def rated(self, item: Item, target: Target, answer: Completion, verdicts: Sequence["Verdict"]) -> Score:
        """The score of an answer from the verdicts on its cases, in their order."""
        ...


@dataclass(frozen=True)
class Metric:
    """An estimate with its 95 % interval (None where there is none) and the number of targets under it."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True)
class Comparison:
    """A paired test of one method against another: mean difference of the loss, p, and p after Holm."""

    against: str
    difference: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class Summary:
    """A board: per method its metrics by name (headline first), its comparisons with the trivial rows, flags.

    A metric named like an earlier one and more ("off-target", "off-target E on N") is a break-down of it.
    """

    metrics: Mapping[str, Mapping[str, Metric]]
    comparisons: Mapping[str, Sequence[Comparison]] = field(default_factory=dict)
    flags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    higher_is_better: bool = False


@dataclass(frozen=True)
class Case:
    """A text to be judged: what of it (a trait's name, or "fluency"), the question it answers, the answer.

    `role` says which of a task's judges rates it.
    """

    role: str
    quality: str
    question: str
    answer: str


@dataclass(frozen=True)
class Usage:
    """What a verdict took: calls of a server, tokens sent and received, and their price in the user's currency."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True)
class Verdict:
    """A judge's rating from 1 (low) to 5 (high), or None and the reason it could not be had.

    `details` is what the judge measured or said on the way (JSON values).
    """

    rating: float | None
    unscored: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    usage: Usage = Usage()


class Judge(Protocol):
    """Rates texts; a verdict it cannot give is None with a reason, never a number.

    `qualities` are what it can rate. An attribute `built_on` names the texts it was made from, if there are any,
    whose order proves little. A judge with `needs_model` measures by the model that is being
    evaluated, unsteered, and is given its engine; others may be given None.
    """

    name: str
    qualities: Collection[str]
    needs_model: bool

    def identity(self) -> Mapping[str, str]:
        """What a verdict depends on besides the case (model, rubric, calibration); never a key or a budget."""
        ...

    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        """Verdicts by their case's place, as they are had; what is yielded is put on disk before the next.

        Cases are drawn when there is room for them: whoever stops handing them out (a spent budget) gets the
        verdicts on those already drawn, and the end.

        Raises:
            UserError: the judge cannot go on at all (a refused key, a model that is not there).
        """
        ...


def batched(requests: Sequence[Request], engine: Engine) -> Iterator[tuple[list[int], list[Request]]]:
    """The requests in the engine's own batches, with their places in the sequence."""
    for indices in engine.batches(requests):
        yield list(indices), [requests[i] for i in indices]
