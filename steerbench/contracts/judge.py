"""Judges: ratings of free text, and none where there is none."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol

from steerbench.contracts.engine import Engine


@dataclass(frozen=True)
class Case:
    """A text to be judged: what of it (a trait's name, or "fluency"), the question it answers, the answer.

    `role` says which of a task's judges rates it. The question is empty where it is not to be shown.
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
    """A judge's rating from 1 (low) to 5 (high), or None and the reason why there is none.

    `details` are the judge's intermediate measurements or its reply (JSON values).
    """

    rating: float | None
    unscored: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    usage: Usage = Usage()


class Judge(Protocol):
    """Rates texts. Without a rating, a verdict is None with a reason, never a number.

    A class may inherit from this protocol. One that does not gets the defaults below when it is looked up by its name
    (`plugins.door`). Anything that is not a function may be an attribute, a property, or set by the constructor. What
    is marked `ClassVar` is read from the class.
    """

    name: str
    """The name under which it is registered."""

    qualities: Collection[str]
    """What it can rate: names of traits, or "fluency"."""

    needs_model: bool
    """True if it measures with the unsteered model under evaluation, whose engine it is then given; others get None."""

    model: str | None = ""
    """The name of the model that it asks, if any, by which a model that rates its own answers is noticed."""

    allow_self_judge: bool = False
    """Whether it may rate answers of its own model."""

    self_contained: ClassVar[bool] = False
    """True if it needs no network, key or model of its own, so that anyone can repeat its ratings."""

    @cached_property
    def engine(self) -> str:
        """The name of the engine that it loads for itself; "" if it loads none."""
        return ""

    @cached_property
    def priced(self) -> bool:
        """Whether the cost of its verdicts is known, which a budget needs."""
        return True

    @cached_property
    def built_on(self) -> frozenset[str]:
        """The texts from which it was made, if any; ordering these correctly proves little."""
        return frozenset()

    @cached_property
    def known_texts(self) -> Mapping[str, tuple[Sequence[str], Sequence[str]]]:
        """For each quality of its own, texts known to be low on it and texts known to be high. It is checked on them.

        Runs whose judge was not checked are not published.
        """
        return {}

    @cached_property
    def members(self) -> Sequence["Judge"]:
        """The judges that it asks, if any."""
        return ()

    @abstractmethod
    def identity(self) -> Mapping[str, str]:
        """Everything besides the case that a verdict depends on (model, rubric, calibration); never a key or a budget.

        The site shows the entry `edition`, if there is one, behind the judge's name.
        """
        ...

    @abstractmethod
    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        """Verdicts by their case's index, as they become available; each yield is written to disk before the next.

        Cases are drawn only as they can be processed. If the caller stops supplying them (a spent budget), the verdicts
        on those already drawn follow, and then the iterator ends.

        Raises:
            UserError: the judge cannot continue (a refused key, a missing model).
        """
        ...

    @staticmethod
    def contradiction(case: Case, verdict: Verdict, identity: Mapping[str, str]) -> str:
        """What in a verdict on an answer contradicts its details, in words; "" if nothing does."""
        return ""

    @classmethod
    def former(cls, identity: Mapping[str, str]) -> "Judge | None":
        """The judge of an earlier identity, if it can still be built; None for the current one."""
        return None
