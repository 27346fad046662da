"""Invented statements and people, for tests of methods."""

import numpy as np

from steerbench.contracts.targets import TRAITS, Answer, Item, Respondent, TraitPole

STATEMENTS = (
    ("A", 1, "help others move house"),
    ("A", -1, "pick fights over nothing"),
    ("A", 1, "forgive people easily"),
    ("C", 1, "plan the week on Sunday"),
    ("C", -1, "leave dishes in the sink"),
    ("C", 1, "finish what was begun"),
    ("E", 1, "talk to strangers on trains"),
    ("E", -1, "leave parties early"),
    ("E", 1, "speak first in meetings"),
    ("N", 1, "lie awake worrying"),
    ("N", -1, "shrug off bad news"),
    ("N", 1, "cry at small things"),
    ("O", 1, "read poems aloud"),
    ("O", -1, "order the same dish always"),
    ("O", 1, "wonder how things work"),
)
ITEMS = tuple(
    Item(f"{trait}{number}", f"{text[0].upper()}{text[1:]}.", f"You {text}.", trait, "", key)
    for number, (trait, key, text) in enumerate(STATEMENTS)
)


def person(name: str, ticks: list[int]) -> Respondent:
    """Somebody by their ticks on the first items; 0 is a missing answer."""
    return Respondent(name, tuple(Answer(item, tick) for item, tick in zip(ITEMS, ticks, strict=False) if tick))


def somebody(name: str, seed: int) -> Respondent:
    """Somebody who ticked at random, neutral answers and missing ones included."""
    return person(name, np.random.default_rng(seed).integers(0, 6, len(ITEMS)).tolist())


def pole(trait: str, high: bool) -> TraitPole:
    assert trait in TRAITS
    return TraitPole(trait, high, ITEMS)
