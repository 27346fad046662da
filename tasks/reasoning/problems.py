"""A problem, whatever dataset it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from steerbench.toolkit.reading.letters import LETTERS

Kind = Literal["number", "letter", "yes-no", "text-letters"]
"""What an answer is: a number; the letter of a choice; yes or no; the letter of a choice or its text."""


@dataclass(frozen=True)
class Problem:
    """A question and every answer that counts as right, normalised as `answers.extract` normalises.

    There is more than one right answer if two choices say the same, or if a number never ends (2/3 may be written
    0.667). `choices` is empty unless the kind is one of letters. `meta` holds what somebody who looks at a result
    should know of the row: `repeats` (id of the first problem with the same question and choices), `stored` and
    `corrected` (the published answer, and why it is not the one that counts), and fields of the dataset.
    """

    id: str
    question: str
    kind: Kind
    gold: tuple[str, ...]
    choices: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)

    def right(self, answer: str) -> bool:
        """Whether a normalised answer is a right one."""
        return answer in self.gold

    def letter_of(self, choice: int) -> str:
        """The letter of a choice, counted from 0."""
        return LETTERS[choice]
