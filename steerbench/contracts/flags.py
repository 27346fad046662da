"""Flags: what a reader of a board must not miss about one row, as data. Tables, reports and pages make the words.

A kind of flag is declared once, with its words as a template and its meaning, and raised with values:

    CUT_OFF = flag_kind("ifeval/cut-off", "{share:%} cut off", "IFEval", "more than 20 % of the answers were cut")
    flags = [CUT_OFF(share=0.33)]

`steerbench.records.flags.words` makes "33 % cut off" of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import ClassVar

from pydantic import ConfigDict

Value = int | float | str


@dataclass(frozen=True)
class Flag:
    """A kind of flag by its name, and the numbers and names that its words mention."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class FlagKind:
    """What a board can warn of.

    `words` is a template of plain fields; `{share:%}` is written as a percentage. `boards` names where it appears and
    `meaning` explains it, both for the site's list of flags.
    """

    name: str
    words: str
    boards: str
    meaning: str

    @property
    def fields(self) -> set[str]:
        """The names of the values that the words mention."""
        return {name for _, name, _, _ in Formatter().parse(self.words) if name is not None}

    def __call__(self, **values: Value) -> Flag:
        """A flag of this kind.

        Raises:
            TypeError: the values are not those that the words mention.
        """
        if set(values) != self.fields:
            raise TypeError(f"The flag '{self.name}' takes {sorted(self.fields)}, not {sorted(values)}.")
        return Flag(self.name, {name: _plain(value) for name, value in values.items()})


KINDS: dict[str, FlagKind] = {}
"""All kinds that were declared so far, by name: those of a task are here once it was imported."""


def flag_kind(name: str, words: str, boards: str, meaning: str) -> FlagKind:
    """Declare a kind of flag; `name` is its own among all tasks ("my-task/cut-off").

    Raises:
        ValueError: another kind has that name.
    """
    made = FlagKind(name, words, boards, meaning)
    if KINDS.setdefault(name, made) != made:
        raise ValueError(f"There are two kinds of flag called '{name}'; rename one.")
    return made


def _plain(value: Value) -> Value:
    """Without NumPy's types, which JSON does not know."""
    return float(value) if isinstance(value, float) else value
