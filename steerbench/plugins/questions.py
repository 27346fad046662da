"""Tasks that can have questions made for them: what a user orders, and what the task reports.

A task joins by a static method `build`; nothing else has to be edited.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from steerbench.contracts import Usage
from steerbench.errors import UserError
from steerbench.plugins.finding import available, find


@dataclass(frozen=True)
class Order:
    """Which model on which OpenAI-compatible server makes the questions, how many, about what, and into which file.

    `topics` is a file with a topic a line, None for the task's own. `concurrency`: requests under way at once.
    """

    generator: str
    model: str
    out: Path
    key_env: str = "OPENAI_API_KEY"
    per_facet: int = 8
    topics: Path | None = None
    concurrency: int = 8
    seed: int = 0


@dataclass(frozen=True)
class BuiltQuestions:
    """What is in the file now, and what this start took.

    `kept` and `dropped` (by reason) count earlier starts too; `unfinished` (by reason) are questions that the
    next start asks for again. `notes` are sentences a user should know.
    """

    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    unfinished: Mapping[str, int] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    notes: tuple[str, ...] = ()


QuestionsDone = Callable[[int, int], None]
"""Told how many questions are settled, and of how many."""


@runtime_checkable
class Buildable(Protocol):
    """A task whose questions can be made.

    Every question is on disk before the next is looked at, so whoever is stopped goes on by the same order.
    """

    @staticmethod
    def build(order: Order, progress: QuestionsDone) -> BuiltQuestions:
        """Raises:
        UserError: the order cannot be met (no server, a refused key, a file of other questions).
        """
        ...


def buildable(task: str) -> Buildable:
    """The task of that name.

    Raises:
        UserError: there is none, or its questions cannot be made.
    """
    found = find("task", task)
    if not isinstance(found, Buildable):
        able = [name for name in available("task") if isinstance(find("task", name), Buildable)]
        raise UserError(f"Questions for '{task}' cannot be made; they can for: {', '.join(able) or 'no task'}.")
    return found
