"""All settings that a calibration can propose, whatever the losses."""

from collections.abc import Callable, Iterator
from functools import cache

from steerbench.contracts import Method, has_dial
from steerbench.contracts.setting import Setting
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.records.plan import Plan
from steerbench.running.calibration import Trials, golden_section
from steerbench.running.trials import grid_strengths, trials

MOST = 14
"""Largest budget of a golden-section search that is enumerated; each trial doubles the number of courses."""


def proposals(plan: Plan, method: Method) -> frozenset[Setting] | None:
    """The settings that a search for this method can propose; None if they are too many to enumerate.

    Without a range of strengths these are wordings up to the budget, because the number of a method's wordings is
    known only from its fit.
    """
    if not has_dial(method):
        first = Setting(method.strengths[0])
        worded = Steering(alternatives=(PromptChange(),) * plan.budget)
        tried = () if plan.protocol == "published" else _in_turn(trials(plan, method, worded))
        return frozenset([first, *tried])
    if plan.calibration == "golden":
        return _golden(*method.strengths, plan.budget) if plan.budget <= MOST else None
    return frozenset(Setting(strength) for strength in grid_strengths(plan, method))


@cache
def _golden(low: float, high: float, budget: int) -> frozenset[Setting]:
    return frozenset(_whatever_comes(lambda: golden_section(low, high, budget)))


def _whatever_comes(search: Callable[[], Trials]) -> Iterator[Setting]:
    """All proposals of a search that compares losses: each new loss is tried as the smallest and as the largest so far.

    The first two losses are not compared with earlier ones.
    """
    courses: list[tuple[float, ...]] = [()]
    while courses:
        course = courses.pop()
        asked = _after(search(), course)
        if asked is not None:
            yield asked
            place = len(course) + 1.0
            courses += [(*course, place), (*course, -place)] if len(course) > 1 else [(*course, 0.0)]


def _after(search: Trials, course: tuple[float, ...]) -> Setting | None:
    """The next proposal after these losses; None if the search has ended."""
    try:
        asked = next(search)
        for loss in course:
            asked = search.send(loss)
    except StopIteration:
        return None
    return asked


def _in_turn(search: Trials) -> Iterator[Setting]:
    """The proposals of a search that ignores losses."""
    asked: Setting | None = next(search, None)
    while asked is not None:
        yield asked
        try:
            asked = search.send(0.0)
        except StopIteration:
            return
