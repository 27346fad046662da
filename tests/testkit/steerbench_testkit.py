"""A small world for testing the harness: a task, an engine that computes, and methods, all deterministic.

A plug-in like any other: this folder on the path (its dist-info names the entry points) is all it takes.
The engine's "model" answers by arithmetic: every request has a lean, taken from its text and moved by its
edits, and the option near the lean is the likeliest. So what a strength does to the loss is known.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from steerbench.contracts import (
    PENDING,
    Case,
    Choice,
    Completion,
    Judge,
    Metric,
    Outcome,
    Prompt,
    Request,
    Role,
    Sampling,
    Score,
    Scored,
    Split,
    Summary,
    Task,
    Usage,
    Verdict,
)
from steerbench.contracts.edits import Add
from steerbench.contracts.steering import PromptChange, Reply, Steering
from steerbench.contracts.targets import Answer, Item, Respondent, Target
from steerbench.errors import UserError

ITEMS = tuple(
    Item(f"i{n}", f"Say {n}.", f"You say {n}.", "ACENO"[n % 5], "f", 1 if n % 2 else -1) for n in range(1, 13)
)
GREEDY = Sampling(max_new_tokens=4)
SHOWN, HELD_OUT, TESTED = ITEMS[:4], ITEMS[4:6], ITEMS[6:]


def unit(text: str) -> float:
    """A number in [0, 1) that depends on nothing but the text."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 16**8


@dataclass
class ToyEngine:
    """Batches of `token_budget` requests. Counts what it is asked."""

    model: str = "toy-model"
    token_budget: int = 7
    name: str = "toy"
    layers: int = 1
    heads: int = 1
    neurons: int = 1
    width: int = 2
    hidden: int = 2
    architecture: str = "toy"
    vocabulary: int = 5
    context: int = 10_000
    asked: list[Request] = field(default_factory=list)

    @classmethod
    def load(
        cls, spec: str, dtype: str | None = None, device: str | None = None, chat_template: Any = None
    ) -> "ToyEngine":
        if not spec.startswith("toy"):
            raise UserError(f"There is no toy model '{spec}'.")
        return cls(spec)

    def identity(self) -> Mapping[str, str]:
        return {"weights": self.model, "engine": self.name}

    def tokenize(self, prompt: Prompt) -> Sequence[int]:
        return list(prompt.start.encode())

    def lengths(self, requests: Sequence[Request]) -> Sequence[int]:
        return [len(request.prompt.start) for request in requests]

    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        by_length = sorted(range(len(requests)), key=lambda i: (len(requests[i].prompt.start), i))
        return [by_length[i : i + self.token_budget] for i in range(0, len(by_length), self.token_budget)]

    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]:
        self.asked += requests
        # As in floating point on an accelerator, the last digits depend on the company a request is in.
        noise = 1e-9 * unit("".join(r.prompt.start for r in requests))
        return [Choice(tuple(noise - (option - self._lean(r)) ** 2 for option in range(1, 6))) for r in requests]

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Sequence[Completion]:
        self.asked += requests
        return [Completion(f"I am at {self._lean(r):.2f}", 4, "stop") for r in requests]

    def capture(self, requests: Sequence[Request], sites: Any, front: int = 0) -> Any:
        raise NotImplementedError

    def text_logprob(self, texts: Sequence[str]) -> Sequence[float]:
        raise NotImplementedError

    def _lean(self, request: Request) -> float:
        pushed = sum(float(e.vector[0]) * e.strength for e in request.steering.edits if isinstance(e, Add))
        return 2 + unit(request.prompt.start) + pushed


@dataclass
class ToyTask(Task):
    """`respondents` people (or those named as `poles`) who tick what a hash of their name and the item says."""

    respondents: int = 3
    readout: Literal["label", "generate"] = "label"
    poles: str | None = None
    limit: int | None = None
    protocol: Literal["strict", "published"] = "strict"
    name: str = "toy"
    sampling: Sampling = GREEDY
    deviations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.respondents < 1:
            raise UserError("A toy task needs respondents.")
        self.unsealed = False
        if self.protocol == "published":
            self.deviations = ("keys as stored",)

    baselines: ClassVar[Mapping[str, Role]] = {
        "toy-three": "constant",
        "toy-silent": "unsteered",
        "toy-random": "placebo",
    }

    def identity(self) -> Mapping[str, str]:
        return {"dataset": f"toy-{self.respondents}-{self.poles}-{self.limit}", "readout": self.readout}

    def statements(self) -> Sequence[Item]:
        return SHOWN

    def tick(self, person: str, item: Item) -> int:
        return 1 + int(unit(person) * 2 + 3 * unit(person + item.id))

    def targets(self, split: Split) -> Sequence[Target]:
        shown = SHOWN if split is Split.CALIBRATION else SHOWN + HELD_OUT
        people = self.poles.split(",") if self.poles else [f"p{n}" for n in range(self.respondents)]
        return [Respondent(p, tuple(Answer(i, self.tick(p, i)) for i in shown)) for p in people]

    def items(self, target: Target, split: Split) -> Sequence[Item]:
        if split is Split.CALIBRATION:
            return HELD_OUT
        if not self.unsealed:
            raise AssertionError("test items were asked for before they were unsealed")
        return TESTED[: self.limit]

    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        options = ("1", "2", "3", "4", "5") if self.readout == "label" else ()
        return Request(Prompt(start=f"{steering.prompt.system}|{item.text}"), steering, options)

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        if item in TESTED and not self.unsealed:
            raise AssertionError("a test item was scored before it was unsealed")
        if isinstance(outcome, Choice):
            given = float(outcome.probabilities() @ np.arange(1, 6))
        elif isinstance(outcome, Completion):
            given = float(outcome.text.split()[-1])
        else:
            given = outcome
        return Score(abs(given - self.tick(target.id, item)), {"given": given})

    def unseal(self) -> None:
        self.unsealed = True

    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
        means = {name: float(np.mean([s.score.loss for s in scored])) for name, scored in rows.items()}
        people = len({s.target for scored in rows.values() for s in scored})
        return Summary({name: {"error": Metric(mean, mean - 0.1, mean + 0.1, people)} for name, mean in means.items()})


@dataclass
class RatedTask(ToyTask):
    """Two poles; the model says where it is, and judges rate it. The further it was pushed, the less fluent."""

    respondents: int = 2
    readout: Literal["label", "generate"] = "generate"
    name: str = "toy-rated"
    judges: Mapping[str, str] = field(default_factory=lambda: {"trait": "toy-judge", "fluency": "toy-judge"})
    reference: str = "toy-words"
    part: Literal["test", "calibration"] = "test"
    cost: str = "fluency"

    baselines: ClassVar[Mapping[str, Role]] = {"toy-silent": "unsteered", "toy-echo": "constant"}

    def identity(self) -> Mapping[str, str]:
        return {**super().identity(), "part": self.part}

    def items(self, target: Target, split: Split) -> Sequence[Item]:
        return HELD_OUT if self.part == "calibration" else super().items(target, split)

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        return Score(None, unscored=PENDING)

    def cases(self, item: Item, target: Target, answer: Completion, split: Split) -> Sequence[Case]:
        more = ["depth"] if split is Split.TEST else []
        return [
            Case("fluency" if quality == "fluency" else "trait", quality, item.text, answer.text)
            for quality in ("height", "fluency", *more)
        ]

    def rated(self, item: Item, target: Target, answer: Completion, verdicts: Sequence[Verdict]) -> Score:
        height, fluency = verdicts[0].rating, verdicts[1].rating
        record = {"height": height, "fluency": fluency, "verdicts": len(verdicts)}
        if height is None:
            return Score(None, record, verdicts[0].unscored)
        return Score(5 - height, record, cost=None if fluency is None else 5 - fluency)

    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
        read = {name: [5 - s.score.loss for s in scored if s.score.loss is not None] for name, scored in rows.items()}
        return Summary({n: {"height": Metric(float(np.mean(x)))} for n, x in read.items() if x}, higher_is_better=True)


@dataclass
class ToyJudge(Judge):
    """Rates height by the number in a text, fluency by how near that number is to 2.5. Counts what it is asked."""

    lenience: float = 0.0
    price: float = 0.0
    name: str = "toy-judge"
    qualities: frozenset[str] = frozenset({"height", "depth", "fluency"})
    needs_model: bool = False
    priced: bool = True
    asked: list[Case] = field(default_factory=list)

    def identity(self) -> Mapping[str, str]:
        return {"lenience": str(self.lenience)}

    def rate(self, cases: Iterable[Case], engine: Any) -> Iterator[Mapping[int, Verdict]]:
        for place, case in enumerate(cases):
            self.asked.append(case)
            yield {place: self.verdict(case)}

    def verdict(self, case: Case) -> Verdict:
        usage = Usage(1, 10, 2, self.price)
        told = re.search(r"at (-?[\d.]+)$", case.answer)
        if told is None:
            return Verdict(None, "the text holds no number", usage=usage)
        where = float(told[1])
        rating = 5 - abs(where - 2.5) if case.quality == "fluency" else where + self.lenience
        return Verdict(min(max(rating, 1.0), 5.0), details={"where": where}, usage=usage)


def _push(amount: float) -> Steering:
    return Steering((Add("resid", 0, np.array([amount, 0], dtype=np.float32)),))


@dataclass
class Push:
    """Moves the answer up by `size` a unit of strength.

    What comes after the first line is not shown in lists.
    """

    size: float = 0.5
    variant: Literal["plain", "published"] = "plain"
    name: str = "toy-push"
    needs_model: bool = True
    strengths: tuple[float, float] = (0.0, 8.0)

    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return [_push(self.size * unit(target.id)) for target in targets]


@dataclass
class RandomPush:
    """A push of random direction, matched to another method."""

    of: str = "toy-push"
    parameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    name: str = "toy-random"
    needs_model: bool = True
    strengths: tuple[float, float] = (0.0, 8.0)

    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        # One array for all: what is read back from files is not, and must still be packed alike.
        return [_push(float(np.random.default_rng(self.seed).normal()))] * len(targets)


@dataclass
class Words:
    """Describes the person, in one of three wordings."""

    name: str = "toy-words"
    needs_model: bool = True
    strengths: tuple[float, float] = (1.0, 1.0)

    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        def say(word: str, target: Target) -> PromptChange:
            return PromptChange(f"{word} {target.id}")

        return [Steering(prompt=say("You are", t), alternatives=(say("Be", t), say("Act as", t))) for t in targets]


@dataclass
class Silent:
    """Changes nothing, by prompt or by edit."""

    name: str = "toy-silent"
    needs_model: bool = True
    strengths: tuple[float, float] = (1.0, 1.0)

    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering()] * len(targets)


@dataclass
class Three:
    """Answers 3 to everything."""

    name: str = "toy-three"
    needs_model: bool = False
    strengths: tuple[float, float] = (1.0, 1.0)

    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering(reply=Reply(constant=3.0))] * len(targets)


@dataclass
class Echo:
    """Repeats the question."""

    name: str = "toy-echo"
    needs_model: bool = False
    strengths: tuple[float, float] = (1.0, 1.0)

    def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering(reply=Reply(echo=True))] * len(targets)
