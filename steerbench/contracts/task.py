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
    """The score of one outcome.

    `loss` is minimised by calibration; None if the outcome could not be read, and `unscored` then says why. `record`
    holds JSON values that the task needs for its board. `cost` is a side effect of steering (5 less the fluency, for
    example), which calibration may have to keep under a ceiling.
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
"""`Score.unscored` of an answer that judges have not rated yet."""


@dataclass(frozen=True)
class Metric:
    """An estimate with its 95 % interval (None if there is none) and its number of units.

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
"""With fewer units no paired test can reach p < .05, and there is no bootstrap interval (its coverage is too low)."""


@dataclass(frozen=True)
class Comparison:
    """A paired test of one row against another: mean difference of the loss, its 95 % interval, p, Holm-corrected p.

    `n` is the number of units that have both losses. `smallest` is the difference that four of five such runs would
    detect (None below six units, where no difference can be significant).
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
    """A board: for each row its metrics by name (headline first), its comparisons with baseline rows, and its flags.

    A metric whose name extends an earlier one ("off-target", "off-target E on N") is a breakdown of it. `over` is what
    intervals generalise over ("people", "questions"). `cannot_tell` says why this board cannot judge any method: its
    control failed, or the unsteered model leaves nothing to lose. `saturated` gives, by method, why that method cannot
    be judged: the readout gives one answer to everything, with the method and without. `doubt` says why finding no
    effect would mean nothing here (the model does not even follow a description); a method that beats the unsteered
    model and the placebo is still shown as effective.
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

    A class may inherit from this protocol. One that does not gets the defaults below when it is looked up by its name
    (`plugins.door`). Anything that is not a function may be an attribute, a property, or set by the constructor. What
    is marked `ClassVar` is read from the class.
    """

    name: str
    """The name under which it is registered."""

    sampling: Sampling
    """How free text is drawn, and how long it may be."""

    baselines: Mapping[str, Role] | None = None
    """Rows that are on its board by default, each with its role. None: the unsteered model and a random direction if
    the board is made from metrics (`Measured`), else no rows."""

    chooses_strengths: bool = True
    """Whether strengths can be chosen on its items. If not, they are given, or taken from another run."""

    measures_cost: bool | None = None
    """Whether its items measure a cost of steering and not its effect. None: they do if it chooses no strengths."""

    cost: str = "cost"
    """What the cost of its scores measures, in one word: "fluency"."""

    withheld: bool = False
    """True if losses reveal what people ticked. They are never published then."""

    framing: str = ""
    """How items are asked, for captions ("asked by a friend"); "" if there is only one way."""

    reads_ticks: bool = True
    """Whether it can score ticks of statements from rows that ask no model."""

    reads_texts: bool = True
    """Whether it can score texts from rows that ask no model. A task that reads neither has no such rows."""

    over: str = "targets"
    """What intervals of a board made from metrics generalise over: "people" or "targets", else a word for its items."""

    size: ClassVar[str] = "limit"
    """The constructor parameter that limits how much is asked; `--limit` sets it."""

    before: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Values of parameters in earlier runs, whose identity does not name them."""

    @cached_property
    def deviations(self) -> Sequence[str]:
        """Differences from the published task, one phrase each."""
        return ()

    @cached_property
    def questions_from(self) -> str:
        """The registered dataset of its questions, if it differs from the `dataset` of its identity."""
        return ""

    def nothing_to_lose(self, plain: Any) -> str:
        """Why the unsteered model's answers, `plain`, leave nothing to lose; "" if they leave something."""
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
        """Score an engine's outcome, or a tick from a method that asks no model."""
        ...

    @abstractmethod
    def unseal(self) -> None: ...


@runtime_checkable
class Measured(Protocol):
    """A task whose board is made from `metrics`: their names or functions, the headline first.

    Names are those of `steerbench.toolkit.boards.named`; functions are made with `metric` of the same folder.
    `Task.over` says what intervals generalise over, and `Task.nothing_to_lose` whether a loss is possible at all.
    Without `baselines`, the unsteered model and a random direction are on the board.
    """

    metrics: Sequence[Any]


@runtime_checkable
class Summarising(Protocol):
    """A task that makes its board itself."""

    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary: ...


@runtime_checkable
class Stating(Protocol):
    """Optional: a task with statements about its traits, from which `steerbench fit` builds the target of a pole."""

    def statements(self) -> Sequence[Item]: ...


@runtime_checkable
class Choosing(Protocol):
    """Optional: a task with its own calibration loss. The default is the mean loss, unreadable answers as the worst."""

    def target_loss(self, scored: Sequence[Scored]) -> float | None:
        """The calibration loss of a target's answers under one setting; None if no answer can be read.

        It is not called for a setting that overflows, which ranks below all others.
        """
        ...


@runtime_checkable
class Revealing(Protocol):
    """Optional: a task with controls, which are shown the right answers (`Control`)."""

    def answers(self, target: Target) -> Mapping[Item, Any]:
        """The items that a control is asked for a target, with the right answers; they may be part of the test items.

        Raises:
            RuntimeError: the answers are sealed.
        """
        ...

    def unread(self, metrics: Mapping[str, Mapping[str, Metric]]) -> str:
        """Why the board cannot judge any method, from the metrics of its control rows; "" if the controls pass.

        Only metrics are used, because the controls' answers on a withheld task are never published.
        """
        ...


@runtime_checkable
class Continued(Protocol):
    """Optional: a task in two stages. The model first writes freely, and is then asked for its answer.

    The outcome of a question is the second completion, with the first one's text as its `before`.
    """

    follow_sampling: Sampling

    def follow_up(self, item: Item, target: Target, steering: Steering, said: Completion) -> Request | None:
        """The second request, under the same steering; None if the first completion is the answer."""
        ...


@runtime_checkable
class Judged(Protocol):
    """Optional: a task whose answers are rated by judges.

    `judges` names the default judge of each role ("trait", "fluency"). `score` of a completion is `PENDING`, and
    `rated` gives the final score. `cases` may ask for fewer ratings during calibration. `reference` names the method
    whose mean calibration cost is the ceiling: for each target, a strength with a higher cost is chosen only if all
    strengths exceed it. "" means that there is no ceiling.
    """

    judges: Mapping[str, str]
    reference: str

    def cases(self, item: Item, target: Target, answer: Completion, split: Split) -> Sequence[Case]: ...

    def rated(self, item: Item, target: Target, answer: Completion, verdicts: Sequence[Verdict]) -> Score:
        """The score of an answer, from the verdicts on its cases in the same order."""
        ...
