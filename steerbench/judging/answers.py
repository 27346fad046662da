"""The part of an answer that a judge sees: the answer itself, without the model's thoughts."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial, wraps
from typing import Any

from steerbench.contracts import Case, Engine, Verdict
from steerbench.contracts.thoughts import UNFINISHED, spoken

Rate = Callable[[Iterable[Case], Engine | None], Iterator[Mapping[int, Verdict]]]


def rated_as_spoken(rate: Rate, cases: Iterable[Case], engine: Engine | None = None) -> Iterator[Mapping[int, Verdict]]:
    """Verdicts of a judge's `rate` on answers without their thoughts. An answer that never ends them is unscored.

    Cases are drawn lazily, when the judge draws them.
    """
    places: list[int] = []
    unfinished: dict[int, Verdict] = {}

    def shown() -> Iterator[Case]:
        for place, case in enumerate(cases):
            heard = spoken(case.answer)
            if heard.finished:
                places.append(place)
                yield replace(case, answer=heard.answer)
            else:
                unfinished[place] = Verdict(None, UNFINISHED)

    for batch in rate(shown(), engine):
        yield {places[number]: verdict for number, verdict in batch.items()}
    if unfinished:
        yield unfinished


def without_thoughts(
    rate: Callable[[Any, Iterable[Case], Engine | None], Iterator[Mapping[int, Verdict]]],
) -> Callable[[Any, Iterable[Case], Engine | None], Iterator[Mapping[int, Verdict]]]:
    """`rated_as_spoken` as a decorator of a judge's method `rate`."""

    @wraps(rate)
    def rate_spoken(judge: Any, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        return rated_as_spoken(partial(rate, judge), cases, engine)

    return rate_spoken
