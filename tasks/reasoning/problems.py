"""A problem, from any dataset."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from steerbench.toolkit.reading.letters import LETTERS

Kind = Literal["number", "letter", "yes-no", "text-letters"]
"""The kind of answer: a number; the letter of a choice; yes or no; a choice by letter or text."""


@dataclass(frozen=True)
class Problem:
    """A question and all its correct answers, normalised as by `answers.extract`.

    There are several correct answers if two choices are the same, or if a decimal is infinite (2/3 may be written
    0.667). `choices` is empty unless the kind has letters. `meta` has notes for readers of a result: `repeats` (id of
    the first problem with the same question and choices), `stored` and `corrected` (a wrong published answer, and why
    it is wrong), and fields of the dataset.
    """

    id: str
    question: str
    kind: Kind
    gold: tuple[str, ...]
    choices: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)

    def right(self, answer: str) -> bool:
        """Whether a normalised answer is correct."""
        return answer in self.gold

    def letter_of(self, choice: int) -> str:
        """The letter of a choice, counted from 0."""
        return LETTERS[choice]
