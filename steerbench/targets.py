"""Who a model should become: inventory items, a respondent's answers, a pole of a trait."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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


@dataclass(frozen=True)
class Item:
    """One statement of an inventory.

    `text` is the statement as its inventory words it ("Am always busy."), `second_person` the same
    said to somebody ("You are always busy."). `key` is +1 if agreeing is high on the trait, else -1.
    """

    id: str
    text: str
    second_person: str
    trait: str
    facet: str
    key: int

    @property
    def bare(self) -> str:
        """The statement without its full stop."""
        return self.text.rstrip(". ")

    def keyed(self, tick: float) -> float:
        """A tick (1 to 5) as a score: high means high on the trait. Its own inverse."""
        return tick if self.key == 1 else 6 - tick


@dataclass(frozen=True)
class Answer:
    """What a respondent marked beside a statement: 1 (very inaccurate) to 5 (very accurate)."""

    item: Item
    tick: int


@dataclass(frozen=True)
class Respondent:
    """A person, by the answers a method may see.

    `shown` leaves out missing answers. `norms` holds, for every item of the inventory, the median
    tick of the *other* respondents: what is known of people in general, never of this one.
    """

    id: str
    shown: tuple[Answer, ...]
    norms: Mapping[str, float] = field(default_factory=dict, repr=False)

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
        return f"{TRAITS[self.trait]}{'+' if self.high else '-'}"

    def leanings(self) -> dict[Item, int]:
        """+1 for each statement of the trait keyed towards the pole, -1 for each keyed away from it."""
        direction = 1 if self.high else -1
        return {item: item.key * direction for item in self.items if item.trait == self.trait}


Target = Respondent | TraitPole
