"""The judge `panel`: the offline axis and a tiny local model, each on its own scale."""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from judges import panel as panel_module
from judges.axis import Axis
from judges.local_llm import LocalLLM
from judges.panel import JudgePanel, rating, scales_of
from judges.texts import answers
from steerbench.contracts import Case, Engine, Judge, Verdict
from steerbench.contracts.targets import TRAITS
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.judging.check import runs_a_model
from steerbench.judging.panel import refuse_self_judging
from steerbench.testing.tiny_models import tiny_model

CASES = [
    Case("trait", "extraversion", "How was the party?", "Wonderful, I danced and talked with everybody till dawn!"),
    Case("trait", "extraversion", "How was the party?", "I stayed at home, alone, with a book."),
    Case("trait", "neuroticism", "How was the party?", "I left early. I kept worrying what they thought of me."),
    Case("trait", "openness", "How was the party?", " "),
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for all tests here, so that the members' scales are measured once."""
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "panel-cache"))


def verdicts(judge: Judge, cases: Iterable[Case]) -> list[Verdict]:
    found = {place: verdict for batch in judge.rate(cases, None) for place, verdict in batch.items()}
    return [found[place] for place in sorted(found)]


def test_a_rating_is_the_logistic_of_the_members_mean_standardised_rating(tiny: str) -> None:
    fixed = [Case("", TRAITS[one.trait], one.question, one.text) for one in answers()]
    of_trait = {TRAITS[t]: [i for i, one in enumerate(answers()) if one.trait == t] for t in TRAITS}
    standardised = []
    for member in (Axis(), LocalLLM(tiny)):
        on_fixed = [one.rating or 0.0 for one in verdicts(member, fixed)]
        means = {trait: sum(on_fixed[i] for i in places) / 20 for trait, places in of_trait.items()}
        squares = [(on_fixed[i] - means[trait]) ** 2 for trait, places in of_trait.items() for i in places]
        sd, row = math.sqrt(sum(squares) / 100), []
        for case, verdict in zip(CASES[:3], verdicts(member, CASES[:3]), strict=True):
            row.append(((verdict.rating or 0.0) - means[case.quality]) / sd)
        standardised.append(row)
    expected = [1 + 4 / (1 + math.exp(-(a + b) / 2)) for a, b in zip(*standardised, strict=True)]
    found = verdicts(JudgePanel(model=tiny), CASES[:3])
    assert [one.rating for one in found] == pytest.approx(expected, abs=1e-3)
    assert found[0].rating > found[1].rating  # type: ignore[operator]
    assert [len(found[0].details["members"]), found[0].unscored] == [2, ""]


def test_a_verdict_does_not_depend_on_what_else_is_rated(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel_module, "DRAWN", 2)
    judge = JudgePanel(model=tiny)
    together = verdicts(judge, [CASES[i % 3] for i in range(5)])
    alone = [verdicts(judge, [case])[0] for case in CASES[:3]]
    ratings = [np.array([one.rating for one in some], dtype=float) for some in (together, alone)]
    assert ratings[0] == pytest.approx(ratings[1][[0, 1, 2, 0, 1]], abs=1e-4)


def test_where_a_member_has_no_rating_the_panel_has_none_and_says_whose(tiny: str) -> None:
    (verdict,) = verdicts(JudgePanel(model=tiny), CASES[3:])
    assert verdict == Verdict(None, "axis: the answer is empty")


def test_a_member_rates_the_fixed_texts_once_whatever_panels_there_are(
    tiny: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path))
    asked: list[Case] = []
    rate = Axis.rate

    def counting(judge: Any, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        drawn = list(cases)
        asked.extend(drawn)
        return rate(judge, drawn, engine)

    monkeypatch.setattr(Axis, "rate", counting)
    first = scales_of(Axis())
    assert len([case for case in asked if case.question]) == 100
    assert scales_of(Axis()) == first
    assert len([case for case in asked if case.question]) == 100
    assert set(first) == set(TRAITS.values())
    assert all(1 < scale.mean < 5 and 0.5 < scale.sd < 2 for scale in first.values())


def test_a_rating_that_its_members_do_not_give_is_a_contradiction(tiny: str) -> None:
    judge = JudgePanel(model=tiny)
    (verdict,) = verdicts(judge, CASES[:1])
    told = judge.identity()
    assert judge.contradiction(CASES[0], verdict, told) == ""
    other = Verdict((verdict.rating or 0) + 0.1, details=verdict.details)
    assert "its members' ratings come to" in judge.contradiction(CASES[0], other, told)
    assert judge.contradiction(CASES[0], other, {**told, "rating": "another formula"}) == ""
    assert judge.contradiction(CASES[0], Verdict(3.0), told) == "its details have no ratings of the members"
    assert judge.contradiction(CASES[0], Verdict(3.0, details={"members": {"axis": {"rating": 2.0}}}), told) != ""
    assert rating({"a": {"rating": 4.0, "mean": 3.0, "sd": 2.0}, "b": {"rating": 1.5, "mean": 2.0, "sd": 1.0}}) == 3.0


def test_its_identity_holds_its_members(tiny: str, tmp_path: Path) -> None:
    told = JudgePanel(model=tiny).identity()
    for member in (Axis(), LocalLLM(tiny)):
        assert {f"{member.name}: {key}": value for key, value in member.identity().items()}.items() <= told.items()
    other = JudgePanel(model=str(tiny_model(tmp_path, seed=1))).identity()
    assert {key for key in told if told[key] != other[key]} == {"local-llm: weights"}


def test_a_panel_one_of_whose_members_is_the_evaluated_model_is_refused(tiny: str, tmp_path: Path) -> None:
    judged = HFEngine.load(tiny, dtype="float32", device="cpu").identity()
    with pytest.raises(UserError, match=r"The judge 'panel' is the evaluated model.*--param panel\.model=NAME"):
        refuse_self_judging({"trait": JudgePanel(model=tiny)}, judged, "another name")
    refuse_self_judging({"trait": JudgePanel(model=tiny, allow_self_judge=True)}, judged, tiny)
    refuse_self_judging({"trait": JudgePanel(model=str(tiny_model(tmp_path, seed=1)))}, judged, tiny)


def test_it_runs_a_model_if_a_member_does(tiny: str) -> None:
    judge = JudgePanel(model=tiny)
    assert judge.engine == "hf"
    assert runs_a_model(judge)
    assert not judge.needs_model
    assert not runs_a_model(Axis())
    assert judge.built_on == Axis().built_on


@pytest.mark.parametrize(
    ("judges", "sentence"),
    [
        ("axis", "two different judges or more"),
        ("axis, axis", "two different judges or more"),
        ("axis,perplexity", "'perplexity' cannot be in a panel"),
        ("axis,local-lm", "no judge 'local-lm'; did you mean 'local-llm'"),
        ("axis,", "no judge ''"),
    ],
)
def test_who_cannot_be_of_a_panel_is_told(judges: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        JudgePanel(judges)


def test_a_member_that_cannot_tell_the_fixed_texts_apart_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path))

    def same(judge: Any, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        yield {place: Verdict(3.0) for place, _ in enumerate(cases)}

    monkeypatch.setattr(Axis, "rate", same)
    with pytest.raises(UserError, match="'axis' cannot be in a panel: it rates all of the fixed texts alike"):
        scales_of(Axis())
