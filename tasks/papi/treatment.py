"""The treatment whose effect is asked for: a respondent's score on one trait moved, in the answers they show."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from steerbench.contracts.targets import LABELS, TRAITS, Item, Respondent

DOSES = (-1, 1)
LOWEST, HIGHEST = min(LABELS), max(LABELS)


@dataclass(frozen=True)
class Treatment:
    """What a copy of `person` was given: `dose` points on every shown answer of `trait`.

    `points` is what came of it: the mean distance by which those answers moved, less than the dose's where some
    stood at the end of the scale.
    """

    person: str
    trait: str
    dose: int
    points: float


def moved(item: Item, tick: int, dose: int) -> int:
    """The tick of somebody whose score on the item is `dose` higher, kept within the scale."""
    return int(item.keyed(min(max(item.keyed(tick) + dose, LOWEST), HIGHEST)))


def treated(person: Respondent, trait: str, dose: int) -> Respondent:
    """A copy of the person that differs in the shown answers of the trait alone."""
    shown = tuple(
        replace(answer, tick=moved(answer.item, answer.tick, dose)) if answer.item.trait == trait else answer
        for answer in person.shown
    )
    return replace(person, id=f"{person.id} {trait}{dose:+d}", shown=shown, origin=person.id)


def treatments(person: Respondent) -> Iterator[tuple[Respondent, Treatment]]:
    """A copy for every trait and dose; one that would change no answer is left out."""
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
