"""Tasks: what is asked of a steered model, and what the answers are worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from steerbench.contracts.engine import Completion, Outcome, Request, Sampling
from steerbench.contracts.judge import Case, Verdict
from steerbench.steering import Steering
from steerbench.targets import Item, Target


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


class Task(Protocol):
    """Asks a steered model its items and scores what comes back.

    `targets` differ by split in what they show of themselves: while calibrating, the calibration
    items' answers are held out. `score` of a test item raises until `unseal` was called.

    A task may also say `baselines` (names of the trivial rows that stand on its board), `deviations` (how a published
    run is not the published one) and `chooses_strengths = False`: its items measure what a steering costs, so that a
    strength has to be given or taken from another run; `cost`, what the cost of its scores measures ("fluency");
    `withheld = True`: its answers' losses tell what people ticked, and are never published; `questions_from`: the
    registered dataset that its questions come from, if that is not the `dataset` of its identity; `size`: the parameter
    of its constructor that says how much of it is asked (`--limit`), if that is not called `limit`.
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

    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary: ...


@runtime_checkable
class Choosing(Protocol):
    """What a task has besides, if a setting is not worth the mean loss of its answers, unreadable ones as the worst."""

    def target_loss(self, scored: Sequence[Scored]) -> float | None:
        """What calibration minimises, from a target's answers under one setting; None if nothing can be read.

        A setting that overflows is not asked about: it is worse than all others.
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
