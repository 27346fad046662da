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
    """A judge's rating from 1 (low) to 5 (high), or None and the reason it could not be had.

    `details` is what the judge measured or said on the way (JSON values).
    """

    rating: float | None
    unscored: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    usage: Usage = Usage()


class Judge(Protocol):
    """Rates texts; a verdict it cannot give is None with a reason, never a number.

    A class that inherits from it has the defaults below; one that does not gets them where it is found by its name
    (`plugins.door`). Whatever is not a function may be an attribute, a property, or set by the constructor; but what is
    marked `ClassVar` is read off the class.
    """

    name: str
    """The name that it is registered under."""

    qualities: Collection[str]
    """What it can rate: names of traits, or "fluency"."""

    needs_model: bool
    """It measures by the model that is being evaluated, unsteered, and is given its engine; others are given None."""

    model: str | None = ""
    """The name of the model that it asks, if it asks one: nobody rates their own answers unnoticed."""

    allow_self_judge: bool = False
    """It may rate the answers of its own model."""

    self_contained: ClassVar[bool] = False
    """It needs no network, key or model of its own, so that others can rate again what they are told it rated."""

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
        """The texts that it was made from, if there are any: that it orders them rightly proves little."""
        return frozenset()

    @cached_property
    def known_texts(self) -> Mapping[str, tuple[Sequence[str], Sequence[str]]]:
        """By quality of its own, texts that are known to be low on it, and others that are high. It is checked on them.

        A run whose judge was not checked is not published.
        """
        return {}

    @cached_property
    def members(self) -> Sequence["Judge"]:
        """The judges that it asks, if it asks others."""
        return ()

    @abstractmethod
    def identity(self) -> Mapping[str, str]:
        """What a verdict depends on besides the case (model, rubric, calibration); never a key or a budget.

        The site shows an `edition` in it behind the judge's name.
        """
        ...

    @abstractmethod
    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        """Verdicts by their case's place, as they are had; what is yielded is put on disk before the next.

        Cases are drawn when there is room for them: whoever stops handing them out (a spent budget) gets the
        verdicts on those already drawn, and the end.

        Raises:
            UserError: the judge cannot go on at all (a refused key, a model that is not there).
        """
        ...

    @staticmethod
    def contradiction(case: Case, verdict: Verdict, identity: Mapping[str, str]) -> str:
        """What of a verdict on an answer does not follow from its details, in words; "" if all of it does."""
        return ""

    @classmethod
    def former(cls, identity: Mapping[str, str]) -> "Judge | None":
        """The judge that tells this identity of itself, if it once rated otherwise and still can; None for today's."""
        return None
