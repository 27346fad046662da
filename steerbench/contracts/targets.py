"""Who a model should become: inventory items, a respondent's answers, a pole of a trait."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from steerbench.errors import UserError, unknown

TRAITS: dict[str, str] = {
    "A": "agreeableness",
    "C": "conscientiousness",
    "E": "extraversion",
    "N": "neuroticism",
    "O": "openness",
}

LABELS: dict[int, str] = {
    1: "Very Inaccurate",
    2: "Moderately Inaccurate",
    3: "Neither Accurate Nor Inaccurate",
    4: "Moderately Accurate",
    5: "Very Accurate",
}
MIDDLE = 3


def trait_name(trait: str) -> str:
    """The name of a trait: a letter of TRAITS stands for one, any other trait goes by its name already."""
    return TRAITS.get(trait, trait)


@dataclass(frozen=True)
class Item:
    """One statement of an inventory, or one question.

    `text` is the statement as its inventory words it ("Am always busy."), `second_person` the same
    said to somebody ("You are always busy."). `trait` is a letter of TRAITS, or the name of another trait
    ("narcissism"). `key` is +1 if agreeing is high on the trait, else -1.
    A question has its text, and the trait and facet it is about.
    """

    id: str
    text: str
    second_person: str = ""
    trait: str = ""
    facet: str = ""
    key: int = 1

    @property
    def bare(self) -> str:
        """The statement without its full stop."""
        return self.text.rstrip(". ")

    def keyed(self, tick: float) -> float:
        """A tick (1 to 5) as a score: high means high on the trait. Its own inverse."""
        return tick if self.key == 1 else 6 - tick


@dataclass(frozen=True)
class OtherForm(Item):
    """An item asked in another form, named `form`, under an id of its own, to see whether the answer stays."""

    form: str = ""


@dataclass(frozen=True)
class Answer:
    """What a respondent marked beside a statement: 1 (very inaccurate) to 5 (very accurate)."""

    item: Item
    tick: int


@dataclass(frozen=True, eq=False)
class Others:
    """What other people marked: people in general, and never the respondent it is given to.

    `items` are all of the inventory's; `ticks` [people, items] are 1 to 5, 0 where there is no answer. Many
    respondents share one, so what is made of it is kept; it is equal to itself alone.
    """

    items: tuple[Item, ...]
    ticks: NDArray[np.int64] = field(repr=False)

    @cached_property
    def column(self) -> Mapping[str, int]:
        """By item id, its column of `ticks`."""
        return {item.id: column for column, item in enumerate(self.items)}

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        """[people, items]: keyed scores, high for high on the item's trait; nan where there is no answer."""
        key = np.array([item.key for item in self.items])
        return np.asarray(np.where(self.ticks == 0, np.nan, np.where(key == 1, self.ticks, 6 - self.ticks)))

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """[items]: mean keyed score of those who answered, nan for an item that nobody did."""
        sums, counts = np.nansum(self.scores, axis=0), (self.ticks != 0).sum(axis=0)
        return np.asarray(np.divide(sums, counts, out=np.full(len(self.items), np.nan), where=counts > 0))

    @cached_property
    def medians(self) -> Mapping[str, float]:
        """By item id, the median tick of those who answered; an item that nobody did is left out."""
        answered = {item.id: ticks[ticks != 0] for item, ticks in zip(self.items, self.ticks.T, strict=True)}
        return {item: float(np.median(ticks)) for item, ticks in answered.items() if ticks.size}


@dataclass(frozen=True)
class Respondent:
    """A person, by the answers a method may see.

    `shown` leaves out missing answers. `others` is what a method may learn from other people, None if there are
    none. `origin` is the id of the respondent this one was made from by changing answers; it is steered at that one's
    strength.
    """

    id: str
    shown: tuple[Answer, ...]
    others: Others | None = field(default=None, repr=False)
    origin: str = ""

    def leanings(self) -> dict[Item, int]:
        """+1 for each statement the person agrees with, -1 for each they reject; neutral ones are left out."""
        return {a.item: 1 if a.tick > MIDDLE else -1 for a in self.shown if a.tick != MIDDLE}


@dataclass(frozen=True)
class TraitPole:
    """One end of a trait, told by the statements (of that trait) that are keyed to it."""

    trait: str
    high: bool
    items: tuple[Item, ...] = ()

    @property
    def id(self) -> str:
        return f"{trait_name(self.trait)}{'+' if self.high else '-'}"

    def leanings(self) -> dict[Item, int]:
        """+1 for each statement of the trait keyed towards the pole, -1 for each keyed away from it."""
        direction = 1 if self.high else -1
        return {item: item.key * direction for item in self.items if item.trait == self.trait}


@dataclass(frozen=True)
class Blend:
    """Poles of different traits at once. A method is fitted to each of them, and the steerings are added."""

    poles: tuple[TraitPole, ...]

    @property
    def id(self) -> str:
        return "".join(pole.id for pole in self.poles)

    def leanings(self) -> dict[Item, int]:
        """Those of all poles."""
        return {item: lean for pole in self.poles for item, lean in pole.leanings().items()}


Target = Respondent | TraitPole | Blend


def pole_named(name: str, items: Sequence[Item] = ()) -> TraitPole:
    """The pole a user named ("extraversion+", "N-"), told by these statements.

    Raises:
        UserError: there is no such trait, or its end is missing.
    """
    trait_name, end = name[:-1].strip(), name[-1:]
    if end not in ("+", "-"):
        raise UserError(f"The pole '{name}' has no end: write a trait and + or -, for example extraversion+.")
    letters = {trait: letter for letter, trait in TRAITS.items()} | {letter: letter for letter in TRAITS}
    trait = letters.get(trait_name.lower()) or letters.get(trait_name.upper())
    if trait is None:
        raise UserError(unknown("trait", trait_name, TRAITS.values()))
    return TraitPole(trait, end == "+", tuple(item for item in items if item.trait == trait))


def target_named(name: str, items: Sequence[Item] = ()) -> TraitPole | Blend:
    """A pole, or several one after the other ("extraversion+openness-") as a blend.

    Raises:
        UserError: as `pole_named`; or a trait stands twice.
    """
    parts = re.findall(r"[^+-]*[+-]?", name)[:-1] or [name]
    poles = tuple(pole_named(part, items) for part in parts)
    if len({pole.trait for pole in poles}) < len(poles):
        raise UserError(f"The blend '{name}' names a trait twice; a trait has one pole in it.")
    return poles[0] if len(poles) == 1 else Blend(poles)
