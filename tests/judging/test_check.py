"""Checks of judges: figures that a judge of known habits must get."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import pytest

from judges.perplexity import Perplexity
from steerbench.bank import descriptions
from steerbench.contracts import Judge, Usage, Verdict
from steerbench.contracts.progress import Silent
from steerbench.contracts.targets import TRAITS
from steerbench.engines.hf.engine import HFEngine
from steerbench.judging.check import FILLER, check_judge, checks, embedded_texts, looped, published_texts
from steerbench.judging.panel import Panel
from steerbench.records.verdicts import Verdicts
from steerbench.testing.tiny_models import tiny_model

HIGH = {text for trait in TRAITS for text in descriptions(trait, True)}
THREE_OF_EIGHT = frozenset(text for trait in TRAITS for text in descriptions(trait, True)[:3])


@dataclass
class Habitual(Judge):
    """Knows which embedded texts are high; has the habits a check is to find."""

    per_word: float = 0.0
    last_counts_more: float = 0.0
    drift: float = 0.0
    built_on: frozenset = frozenset()
    blind: bool = False
    silent_on: str = ""
    name: str = "habitual"
    qualities: tuple[str, ...] = tuple(TRAITS.values())
    needs_model: bool = False
    engine: str = ""
    calls: int = 0
    wrong_on: frozenset = frozenset()
    seen: set = field(default_factory=set)

    def identity(self):
        habits = ("per_word", "last_counts_more", "drift", "blind", "silent_on")
        return {**{name: str(getattr(self, name)) for name in habits}, "wrong_on": str(sorted(self.wrong_on))}

    def rate(self, cases, engine):
        numbered = enumerate(cases)
        while drawn := list(islice(numbered, 10)):
            yield {place: self.asked(case) for place, case in drawn}

    def asked(self, case):
        self.calls += 1
        return self.verdict(case)

    def verdict(self, case):
        if case.quality == self.silent_on:
            return Verdict(None, "no rating")
        sign = 1 if any(text in case.answer for text in HIGH) else -1
        sign *= -1 if any(text in case.answer for text in self.wrong_on) else 1
        last = case.answer.startswith(FILLER)
        rating = 3 + (0 if self.blind else sign * (1 + self.last_counts_more * last))
        rating += self.per_word * len(case.answer.split()) + self.drift * (case in self.seen)
        self.seen.add(case)
        return Verdict(rating, usage=Usage(1, 5, 1, 0.0))


@pytest.fixture(autouse=True)
def cache(request, tmp_path, monkeypatch):
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    if not request.node.get_closest_marker("real_data"):
        monkeypatch.delenv("STEERBENCH_DATA", raising=False)  # the published texts are many


def figures(judge):
    return check_judge(judge, None)["trait, embedded texts"]


def test_a_judge_without_bad_habits_has_none_found():
    found = figures(Habitual())
    assert (found.texts, found.seen) == (80, 0.0)
    assert found.auc == dict.fromkeys(sorted(TRAITS.values()), 1.0)
    assert (found.retest, found.length_bias, found.position_bias, found.unscored) == (0.0, 0.0, 0.0, 0.0)


def test_each_habit_shows_in_its_own_figure():
    words = len(FILLER.split())
    assert figures(Habitual(per_word=0.01)).length_bias == pytest.approx(0.01 * words)
    assert figures(Habitual(last_counts_more=0.3)).position_bias == pytest.approx(0.3)
    assert figures(Habitual(drift=0.2)).retest == pytest.approx(0.2)
    assert set(figures(Habitual(blind=True)).auc.values()) == {0.5}
    assert figures(Habitual(built_on=frozenset(HIGH))).seen == 0.5
    mute = figures(Habitual(silent_on="openness"))
    assert mute.auc["openness"] is None
    assert mute.auc["extraversion"] == 1.0
    assert mute.unscored == pytest.approx(1 / 5)


def test_a_judge_that_was_checked_is_not_asked_again(tmp_path):
    judge = Habitual()
    with Verdicts.in_file(tmp_path / "a.sqlite") as store:
        first = checks(Panel({"trait": judge}, None, store), Silent())
    asked = judge.calls
    assert asked > 80
    with Verdicts.in_file(tmp_path / "b.sqlite") as store:
        assert checks(Panel({"trait": judge}, None, store), Silent()) == first
        assert judge.calls == asked
        checks(Panel({"trait": Habitual(per_word=0.5)}, None, store), Silent())


def test_a_judge_that_runs_a_model_rates_as_few_texts_as_tell_its_area():
    """Of a perfect judge 4 of each end of each trait: 20 an end hold the area to .05; a poor one rates them all."""
    good, poor = Habitual(engine="hf"), Habitual(engine="hf", wrong_on=THREE_OF_EIGHT)
    found = figures(good)
    assert (found.texts, set(found.auc.values())) == (40, {1.0})
    assert good.calls == 40 + 2 * 20 + 10  # plain, with the filler behind and before, and once more
    assert figures(poor).texts == 80
    assert figures(Habitual()).texts == 80


def test_its_habits_are_found_on_the_fewer_texts_too():
    words = len(FILLER.split())
    assert figures(Habitual(engine="hf", per_word=0.01)).length_bias == pytest.approx(0.01 * words)
    assert figures(Habitual(engine="hf", last_counts_more=0.3)).position_bias == pytest.approx(0.3)
    assert figures(Habitual(engine="hf", drift=0.2)).retest == pytest.approx(0.2)
    assert figures(Habitual(engine="hf", built_on=frozenset(HIGH))).seen == 0.5


def test_what_a_judge_that_runs_a_model_said_before_it_was_stopped_is_not_asked_again(tmp_path):
    class Stopped(Habitual):
        def verdict(self, case):
            if self.calls > 30:
                raise KeyboardInterrupt
            return super().verdict(case)

    with Verdicts.in_file(tmp_path / "a.sqlite") as store, pytest.raises(KeyboardInterrupt):
        checks(Panel({"trait": Stopped(engine="hf")}, None, store), Silent())
    judge = Habitual(engine="hf")
    with Verdicts.in_file(tmp_path / "b.sqlite") as store:
        assert checks(Panel({"trait": judge}, None, store), Silent())["trait"].texts == 40
    assert judge.calls == 90 - 30


def test_a_check_from_the_command_line_is_the_one_a_run_finds(tmp_path):
    judge = Habitual(engine="hf")
    told = check_judge(judge, None)["trait, embedded texts"]
    asked = judge.calls
    with Verdicts.in_file(tmp_path / "run.sqlite") as store:
        assert checks(Panel({"trait": judge}, None, store), Silent()) == {"trait": told}
    assert judge.calls == asked


def test_a_judge_that_measures_by_the_model_is_checked_for_each_model_apart(tmp_path):
    """Perplexity's figures of one model are not another's, although it says the same of itself."""
    models = [HFEngine.load(str(tiny_model(tmp_path / str(seed), seed=seed)), device="cpu") for seed in (0, 1)]
    each = [check_judge(Perplexity(), model)["fluency, embedded texts"] for model in (*models, models[0])]
    assert each[0] == each[2]
    assert each[0].length_bias != each[1].length_bias


def test_fluency_is_checked_on_whole_and_damaged_texts():
    texts = embedded_texts(["fluency"])
    whole = [known.text for known in texts if known.high]
    damaged = [known.text for known in texts if not known.high]
    assert len(whole) == len(damaged) == 20
    for text, spoilt in zip(whole, damaged, strict=True):
        words = text.split()
        assert spoilt != text
        assert sorted(spoilt.split()) == sorted(words) or spoilt == looped(words)
    assert looped(["a", "b", "c", "d", "e", "f", "g"]) == "a b c d e a b"


@pytest.mark.real_data
def test_the_published_descriptions_are_distinct_and_of_both_ends():
    texts = published_texts(["extraversion", "fluency"])
    assert len({known.text for known in texts}) == len(texts) == 79 + 79
    assert math.isclose(sum(known.high for known in texts) / len(texts), 0.5)


@dataclass
class Polite(Habitual):
    """Rates a quality of which no embedded text is known to be high or low."""

    qualities: tuple[str, ...] = ("politeness",)
    known_texts: Mapping[str, tuple[Sequence[str], Sequence[str]]] = field(
        default_factory=lambda: {"politeness": (["Give it here.", "Go."], ["Please come in.", "If you please, sit."])}
    )

    def verdict(self, case):
        return Verdict(4.0 if "lease" in case.answer else 2.0)


def test_a_judge_of_a_quality_of_its_own_is_checked_on_the_texts_that_it_brings():
    found = figures(Polite())
    assert (found.texts, found.auc, found.unscored) == (4, {"politeness": 1.0}, 0.0)
    assert figures(Polite(known_texts={"politeness": (["Please."], ["Go."])})).auc == {"politeness": 0.0}


def test_a_judge_that_brings_no_texts_for_its_own_quality_is_not_checked():
    assert check_judge(Polite(known_texts={}), None) == {}


def test_texts_of_its_own_are_not_taken_for_a_trait_that_the_embedded_ones_tell_of():
    judge = Habitual()
    judge.known_texts = {"openness": (["low"], ["high"])}
    assert figures(judge).texts == len(embedded_texts(judge.qualities))
