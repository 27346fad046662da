"""Answers of every kind that an engine can give, and what a task makes of them, as the harness asks it."""

import math
from dataclasses import dataclass
from itertools import cycle, islice

from steerbench.contracts import PENDING, Choice, Completion, Judged, Outcome, Request, Score, Split, Task, Verdict
from steerbench.contracts.targets import Item, Target
from steerbench.running.evaluation import score_of_outcome
from steerbench.testing.findings import Findings

TEXTS = ("I would say 42, or (B).", "Yes.", "", "no idea " * 200, "½ … 你好 \x00")


@dataclass(frozen=True)
class Place:
    """An item of a target, and what is asked there without steering."""

    target: Target
    item: Item
    request: Request


def outcomes(request: Request) -> list[Outcome]:
    """Answers to a request; the last of them overflowed."""
    if not request.options:
        texts: list[Outcome] = [Completion(text, 1 + len(text) // 4, "stop") for text in TEXTS]
        cut = Completion("As I was about to", 5, "length")
        return [*texts, cut, Completion("", 9, "thinking", thoughts="Yes, (A)."), Completion("", 2, "overflow")]
    count = len(request.options)
    neutral = (-2.0,) * count if request.neutral else ()
    certain = [Choice((*[-9.0] * place, -0.1, *[-9.0] * (count - place - 1)), neutral) for place in range(count)]
    return [*certain, Choice((-1.5,) * count, neutral), Choice((math.nan,) * count, neutral)]


def scored(found: Findings, task: Task, place: Place, outcome: Outcome) -> Score | None:
    """The score of an outcome; one that is left to judges is rated by made-up verdicts. None if it cannot be rated.

    What is wrong with how judges are asked is found on the way.
    """
    score = score_of_outcome(task, place.item, place.target, outcome)
    if score.unscored != PENDING or not isinstance(outcome, Completion):
        return score
    if not isinstance(task, Judged):
        found.expect(False, "it leaves scores PENDING, but has not all of `judges`, `reference`, `cases` and `rated`")
        return None
    where = f"item '{place.item.id}'"
    cases = task.cases(place.item, place.target, outcome, Split.TEST)
    found.expect(bool(cases), f"`cases` of {where} is empty, and its answer is left to judges")
    strangers = sorted({case.role for case in cases} - task.judges.keys())
    found.expect(not strangers, f"`cases` of {where} has the roles {strangers}, and `judges` names {[*task.judges]}")
    unrated = task.rated(place.item, place.target, outcome, [Verdict(None, "no answer") for _ in cases])
    none = unrated.loss is None and bool(unrated.unscored)
    found.expect(none, f"`rated` of {where} makes a loss of verdicts without a rating; say `unscored`")
    ratings = islice(cycle([4.0, 2.0, 5.0]), len(outcome.text) % 3, None)
    rated: Score = task.rated(place.item, place.target, outcome, [Verdict(next(ratings)) for _ in cases])
    found.expect(rated.unscored != PENDING, f"`rated` of {where} gives a score that is still PENDING")
    return rated
