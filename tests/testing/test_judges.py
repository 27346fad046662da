"""`check_judge`: what it lets pass, and what it says of judges that are each wrong in one way."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from steerbench.contracts import Case, Engine, Prompt, Request, Verdict
from steerbench.testing import check_judge


class Right:
    """Rates by length."""

    name = "right"
    qualities = frozenset({"openness", "fluency"})
    needs_model = False

    def identity(self) -> Mapping[str, str]:
        return {"rating": "length"}

    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        assert (engine is not None) == self.needs_model
        for place, case in enumerate(cases):
            yield {place: self.verdict(case)}

    def verdict(self, case: Case) -> Verdict:
        return Verdict(min(5.0, 1 + len(case.answer) / 20), details={"length": len(case.answer)})


class ByTheModel(Right):
    needs_model = True

    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        assert engine is not None
        for place, case in enumerate(cases):
            [choice] = engine.choose([Request(Prompt(start="Good?"), options=(case.answer or " no",))])
            yield {place: Verdict(5.0 if choice.logprobs[0] > -100 else 1.0)}


class Listed(Right):
    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Any:
        return [{place: self.verdict(case)} for place, case in enumerate(cases)]


class OffByOne(Right):
    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        for place, case in enumerate(cases, start=1):
            yield {place: self.verdict(case)}


class TooHigh(Right):
    def verdict(self, case: Case) -> Verdict:
        return Verdict(6.0)


class Silent(Right):
    def verdict(self, case: Case) -> Verdict:
        return Verdict(None)


class Picky(Right):
    def verdict(self, case: Case) -> Verdict:
        return Verdict(None, "not to my taste")


class ByRank(Right):
    """Rates a text by how many came before it."""

    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        for place, _ in enumerate(cases):
            yield {place: Verdict(1 + min(place, 16) / 4)}


class Drifting(Right):
    count = itertools.count()

    def verdict(self, case: Case) -> Verdict:
        return Verdict(1 + next(self.count) % 5)


class Brittle(Right):
    def verdict(self, case: Case) -> Verdict:
        return Verdict(1 + 1 / len(case.answer))


class Leaking(Right):
    def identity(self) -> Mapping[str, str]:
        return {"rating": "length", "server": "https://me:sk-12345678@example.org"}


class Keyed(Right):
    def identity(self) -> Mapping[str, str]:
        return {"api_key": "none"}


class SelfDoubting(Right):
    @staticmethod
    def contradiction(case: Case, verdict: Verdict, identity: Mapping[str, str]) -> str:
        return "that cannot be"


class Detailed(Right):
    def verdict(self, case: Case) -> Verdict:
        return Verdict(3.0, details={"words": {1, 2}})


@pytest.mark.parametrize("right", [Right, ByTheModel])
def test_a_judge_that_is_right_passes(right: Any) -> None:
    check_judge(right)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Listed, "`rate` gave a list; yield verdicts as they are had, in a generator"),
        (OffByOne, "`rate` of one case gave verdicts on the places [1]; it is place 0, once"),
        (TooHigh, "has the rating 6.0; a rating is a number from 1 to 5"),
        (Silent, "has no rating and no reason; say why in `unscored`"),
        (Picky, "it rated none of the texts; give `texts` that it can rate"),
        (ByRank, "depends on the other cases; rate each by itself"),
        (Drifting, "depends on the other cases; rate each by itself"),
        (Brittle, "`rate` raised ZeroDivisionError: division by zero"),
        (Leaking, "`identity` has a secret in 'server', and it is published; leave it out"),
        (Keyed, "`identity` has a secret in 'api_key', and it is published; leave it out"),
        (SelfDoubting, "`contradiction` finds fault with its own verdict on "),
        (Detailed, "has details that cannot be written as JSON"),
    ],
)
def test_what_is_wrong_with_a_judge_is_said(wrong: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-12345678")
    with pytest.raises(AssertionError) as raised:
        check_judge(wrong)
    assert said in str(raised.value)
