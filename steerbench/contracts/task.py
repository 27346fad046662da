"""Tasks: what is asked of a steered model, and what the answers are worth."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, runtime_checkable

from steerbench.contracts.engine import Completion, Outcome, Request, Sampling
from steerbench.contracts.flags import Flag
from steerbench.contracts.judge import Case, Verdict
from steerbench.contracts.roles import Role
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, Target


class Split(StrEnum):
    """Calibration chooses a strength; test measures and is sealed until the choice is frozen."""

    CALIBRATION = "calibration"
    TEST = "test"


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


PENDING = "not rated yet"
"""`Score.unscored` of an answer that judges have still to rate."""


@dataclass(frozen=True)
class Metric:
    """An estimate with its 95 % interval (None where there is none) and the number of units under it.

    `note` says what a reader has to know of the interval: why there is none, or what else it is over. `p` is that of a
    test of the estimate by itself, where there is one.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    note: str = ""
    p: float | None = None


FEWEST = 6
"""Units below which no paired test can reach p < .05, and there is no bootstrap interval (it covers too little)."""


@dataclass(frozen=True)
class Comparison:
    """A paired test of one row against another: mean difference of the loss with its 95 % interval, p, p after Holm.

    `n` is the number of units that have both losses, `smallest` the difference that four of five such runs would find
    (None where none can: fewer than six units).
    """

    against: str
    difference: float
    p: float
    p_holm: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    smallest: float | None = None


@dataclass(frozen=True)
class Summary:
    """A board: per row its metrics by name (headline first), its comparisons with rows that are no methods, flags.

    A metric named like an earlier one and more ("off-target", "off-target E on N") is a break-down of it. `over` is
    what intervals generalise over ("people", "questions"). `cannot_tell` says why this board can judge no method, if
    it cannot: its control fails, or there is nothing to lose. `saturated` says by method why it cannot be judged:
    what is read says one thing to everything, with it and without. `doubt` says why finding nothing would mean nothing
    here (the model follows not even a description); a method that beats the unsteered model and the placebo is shown
    all the same.
    """

    metrics: Mapping[str, Mapping[str, Metric]]
    comparisons: Mapping[str, Sequence[Comparison]] = field(default_factory=dict)
    flags: Mapping[str, Sequence[Flag]] = field(default_factory=dict)
    higher_is_better: bool = False
    over: str = "targets"
    cannot_tell: str = ""
    saturated: Mapping[str, str] = field(default_factory=dict)
    doubt: str = ""


class Task(Protocol):
    """Asks a steered model its items and scores what comes back.

    `targets` differ by split in what they show of themselves: while calibrating, the calibration
    items' answers are held out. `score` of a test item raises until `unseal` was called.

    A class that inherits from it has the defaults below; one that does not gets them where it is found by its name
    (`plugins.door`). Whatever is not a function may be an attribute, a property, or set by the constructor; but what is
    marked `ClassVar` is read off the class.
    """

    name: str
    """The name that it is registered under."""

    sampling: Sampling
    """How free text is drawn, and how long it may be."""

    baselines: Mapping[str, Role] | None = None
    """The rows that stand on its board unasked, each with what it is there for. None: the unsteered model and a random
    direction if its board is made from metrics (`Measured`), else none."""

    chooses_strengths: bool = True
    """Strengths can be chosen on its items. If not, they have to be given, or taken from another run."""

    measures_cost: bool | None = None
    """Its items ask what a steering spoils, and not whether it works. None: they do if it chooses no strengths."""

    cost: str = "cost"
    """What the cost of its scores measures, in a word: "fluency"."""

    withheld: bool = False
    """Its answers' losses tell what people ticked, and are never published."""

    framing: str = ""
    """How items are put to the model, for captions ("asked by a friend"); "" where there is only one way."""

    reads_ticks: bool = True
    """It can read ticks of statements, from rows that ask no model."""

    reads_texts: bool = True
    """It can read texts from rows that ask no model. A task that reads neither ticks nor texts has no such rows."""

    over: str = "targets"
    """What intervals of a board made from metrics are over: "people" or "targets", else what its items are called."""

    size: ClassVar[str] = "limit"
    """The parameter of its constructor that says how much of it is asked, which `--limit` sets."""

    before: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """The values of parameters in runs whose identity does not name them."""

    @cached_property
    def deviations(self) -> Sequence[str]:
        """How a run is not the published one: one phrase for each difference."""
        return ()

    @cached_property
    def questions_from(self) -> str:
        """The registered dataset that its questions come from, if that is not the `dataset` of its identity."""
        return ""

    def nothing_to_lose(self, plain: Any) -> str:
        """Why nothing can be lost beside the unsteered model's answers, `plain`; "" if something can."""
        return ""

    @abstractmethod
    def identity(self) -> Mapping[str, str]: ...

    @abstractmethod
    def targets(self, split: Split) -> Sequence[Target]: ...

    @abstractmethod
    def items(self, target: Target, split: Split) -> Sequence[Item]: ...

    @abstractmethod
    def request(self, item: Item, target: Target, steering: Steering) -> Request: ...

    @abstractmethod
    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        """Score an engine's outcome, or a tick that a trivial method replied."""
        ...

    @abstractmethod
    def unseal(self) -> None: ...


@runtime_checkable
class Measured(Protocol):
    """What a task has, if its board is made from metrics: their names or functions, the headline first.

    The names are those of `steerbench.toolkit.boards.named`, the functions are made by `metric` in the same folder. It
    may also say what intervals are `over` ("people" or "targets" if its targets are the units, and else what its items
    are called), and by `nothing_to_lose(plain)` why nothing can be lost beside these unsteered answers ("" if it can).
    Unless it has `baselines`, the unsteered model and a random direction stand on its board.
    """

    metrics: Sequence[Any]


@runtime_checkable
class Summarising(Protocol):
    """What a task has instead, if it makes its board itself."""

    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary: ...


@runtime_checkable
class Stating(Protocol):
    """What a task has besides, if statements tell of its traits: a pole is then named by them (`steerbench fit`)."""

    def statements(self) -> Sequence[Item]: ...


@runtime_checkable
class Choosing(Protocol):
    """What a task has besides, if a setting is not worth the mean loss of its answers, unreadable ones as the worst."""

    def target_loss(self, scored: Sequence[Scored]) -> float | None:
        """What calibration minimises, from a target's answers under one setting; None if nothing can be read.

        A setting that overflows is not asked about: it is worse than all others.
        """
        ...


@runtime_checkable
class Revealing(Protocol):
    """What a task has besides, if its board has controls that are shown the right answers (`Control`)."""

    def answers(self, target: Target) -> Mapping[Item, Any]:
        """What a control is asked of a target, with the right answers. It may be less than all that measures.

        Raises:
            RuntimeError: the answers are sealed.
        """
        ...

    def unread(self, metrics: Mapping[str, Mapping[str, Metric]]) -> str:
        """Why the board can judge no method, by the metrics of its controls' rows; "" if they say nothing against it.

        From metrics alone, because the answers of a withheld task's controls are never published.
        """
        ...


@runtime_checkable
class Continued(Protocol):
    """What a task has besides, if it lets the model speak first and then asks for the answer to what it said.

    The outcome of a question is then the answer, with what was said first as its `before`.
    """

    follow_sampling: Sampling

    def follow_up(self, item: Item, target: Target, steering: Steering, said: Completion) -> Request | None:
        """What is asked next, under the same steering; None if what was said is the answer."""
        ...


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

    def cases(self, item: Item, target: Target, answer: Completion, split: Split) -> Sequence[Case]: ...

    def rated(self, item: Item, target: Target, answer: Completion, verdicts: Sequence[Verdict]) -> Score:
        """The score of an answer from the verdicts on its cases, in their order."""
        ...
