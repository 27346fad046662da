"""Judges: ratings of free text, and none where there is none."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

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

    `qualities` are what it can rate. An attribute `built_on` names the texts it was made from, if there are any,
    whose order proves little. A judge with `needs_model` measures by the model that is being
    evaluated, unsteered, and is given its engine; others may be given None. One that loads an engine for itself
    names it in an attribute `engine`.

    A judge may also say `self_contained = True` (what it is can be had without a network, a key or a model of its own,
    so that others can rate again what they are told it rated) and have a static method `contradiction(case, verdict,
    identity)`: what of a verdict on an answer does not follow from its details, in words; "" if all of it does.

    One that rates a quality of its own brings texts that are known to be low on it, and others that are high, as
    `known_texts` (by quality, the two lists). It is checked on them, and a run whose judge was not is not published.

    One that once rated otherwise, and still can, has a class method `former(identity)`: the judge that tells this
    identity of itself, or None if that is today's. An `edition` in the identity is shown behind its name on the site.
    One that asks other judges has them in an attribute `members`.
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
