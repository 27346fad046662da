"""The treatment of the causal task: a respondent's score on one trait is changed in their shown answers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from steerbench.contracts.targets import LABELS, TRAITS, Item, Respondent

DOSES = (-1, 1)
LOWEST, HIGHEST = min(LABELS), max(LABELS)


@dataclass(frozen=True)
class Treatment:
    """A treatment of a copy of `person`: `dose` points on every shown answer of `trait`.

    `points` is the mean distance by which these answers really moved. It is smaller than the dose if some were at the
    end of the scale.
    """

    person: str
    trait: str
    dose: int
    points: float


def moved(item: Item, tick: int, dose: int) -> int:
    """The tick of a person whose score on the item is `dose` higher, within the scale."""
    return int(item.keyed(min(max(item.keyed(tick) + dose, LOWEST), HIGHEST)))


def treated(person: Respondent, trait: str, dose: int) -> Respondent:
    """A copy of the person that differs only in the shown answers of the trait."""
    shown = tuple(
        replace(answer, tick=moved(answer.item, answer.tick, dose)) if answer.item.trait == trait else answer
        for answer in person.shown
    )
    return replace(person, id=f"{person.id} {trait}{dose:+d}", shown=shown, origin=person.id)


def treatments(person: Respondent) -> Iterator[tuple[Respondent, Treatment]]:
    """A copy for every trait and dose, unless no answer would change."""
    for trait in TRAITS:
        for dose in DOSES:
            copy = treated(person, trait, dose)
            if copy.shown != person.shown:
                yield copy, Treatment(person.id, trait, dose, _points(person, copy, trait))


def _points(person: Respondent, copy: Respondent, trait: str) -> float:
    changes = [
        abs(after.tick - before.tick)
        for before, after in zip(person.shown, copy.shown, strict=True)
        if before.item.trait == trait
    ]
    return sum(changes) / len(changes)
