"""Every setting that a calibration could have come to, whatever the losses were."""

from collections.abc import Callable, Iterator
from functools import cache

from steerbench.contracts import Method, has_dial
from steerbench.contracts.setting import Setting
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.records.plan import Plan
from steerbench.running.calibration import Trials, golden_section
from steerbench.running.trials import grid_strengths, trials

MOST = 14
"""Trials of a golden section search whose every course is followed: each doubles their number."""


def proposals(plan: Plan, method: Method) -> frozenset[Setting] | None:
    """The settings that a search for this method can propose to a target; None where they are too many to list.

    Where there is no dial these are wordings, as many as the budget allows: how many a method has, its fit tells.
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
    """All that a search which compares losses can propose: each new loss is told to be the least so far, or the most.

    The first two are compared with nothing yet.
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
    """What is asked next after these losses."""
    try:
        asked = next(search)
        for loss in course:
            asked = search.send(loss)
    except StopIteration:
        return None
    return asked


def _in_turn(search: Trials) -> Iterator[Setting]:
    """What a search proposes that looks at no loss."""
    asked: Setting | None = next(search, None)
    while asked is not None:
        yield asked
        try:
            asked = search.send(0.0)
        except StopIteration:
            return
