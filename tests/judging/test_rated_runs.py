"""Rated runs: every case once, verdicts kept whatever happens, and a floor under fluency."""

import math
from dataclasses import replace

import polars as pl
import pytest
from steerbench_testkit import ToyJudge

from steerbench.contracts import Case, Score, Scored, Usage, Verdict
from steerbench.contracts.thoughts import UNFINISHED
from steerbench.errors import UserError
from steerbench.judging.check import QUESTION
from steerbench.judging.panel import Panel, verdicts_key
from steerbench.records.export import read_samples
from steerbench.records.plan import Plan
from steerbench.records.results import read_result
from steerbench.records.verdicts import Verdicts, case_key
from steerbench.running.losses import target_costs
from steerbench.running.preparing import prepare
from steerbench.running.rejudging import CHOSEN_BY, prepare_again, rejudge
from steerbench.running.runner import execute

PLAN = Plan(methods=("toy-push", "toy-words"), task="toy-rated", model="toy-model", engine="toy", budget=6)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """No judge has been checked before."""
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def store(tmp_path):
    with Verdicts.in_file(tmp_path / "verdicts.sqlite") as verdicts:
        yield verdicts


def cases(*texts, quality="height"):
    return [Case("trait", quality, "?", text) for text in texts]


def panel(judge, store, **options):
    return Panel({"trait": judge}, None, store, **options)


def numbers(result):
    return result.model_dump(exclude={"timings"})


# -- the panel


def test_a_text_is_rated_once_however_often_it_is_asked_for(store):
    judge = ToyJudge()
    rated = panel(judge, store).rate(cases("at 2", "at 3", "at 2"))
    assert [v.rating for v in rated] == [2.0, 3.0, 2.0]
    assert panel(judge, store).rate(cases("at 3"))[0].details == {"where": 3.0}
    assert [case.answer for case in judge.asked] == ["at 2", "at 3"]


def test_whatever_the_judge_it_is_shown_no_thoughts_and_not_asked_about_nothing_else(store):
    judge = ToyJudge()
    asked = cases("<think>at 1", "<think>at 1</think> at 2", "at 1", "<think>at 3</think>at 3<think>")
    rated = panel(judge, store).rate(asked)
    assert [(v.rating, v.unscored) for v in rated] == [(None, UNFINISHED), (2.0, ""), (1.0, ""), (None, UNFINISHED)]
    assert [case.answer for case in judge.asked] == ["at 2", "at 1"]
    assert panel(judge, store).rate(asked) == rated
    assert len(judge.asked) == 2


def test_a_verdict_belongs_to_the_judge_the_quality_and_the_text(store):
    judge, other = ToyJudge(), ToyJudge(lenience=1.0)
    assert panel(judge, store).rate(cases("at 2"))[0].rating == 2.0
    assert panel(other, store).rate(cases("at 2"))[0].rating == 3.0
    assert panel(judge, store).rate(cases("at 2", quality="fluency"))[0].rating == 4.5
    assert verdicts_key(judge) != verdicts_key(other)
    assert verdicts_key(judge) == verdicts_key(ToyJudge(price=9.0))


def test_what_holds_no_rating_is_kept_with_its_reason_and_asked_again_only_on_demand(store):
    judge = ToyJudge()
    assert panel(judge, store).rate(cases("nowhere"))[0] == Verdict(
        None, "the text holds no number", usage=Usage(1, 10, 2, 0.0)
    )
    panel(judge, store).rate(cases("nowhere"))
    assert len(judge.asked) == 1
    panel(judge, store, ask_again=True).rate(cases("nowhere", "at 1"))
    assert [case.answer for case in judge.asked] == ["nowhere", "nowhere", "at 1"]
    assert store.used(verdicts_key(judge)) == Usage(3, 30, 6, 0.0)
    assert store.counts(verdicts_key(judge)) == (2, 1)


def test_a_spent_budget_stops_with_what_was_rated_kept_and_a_higher_one_goes_on(store):
    judge = ToyJudge(price=0.25)
    texts = [f"at {n}" for n in range(1, 9)]
    with pytest.raises(UserError, match=r"judge budget of 1 is spent \(1\).*--judge-budget goes on"):
        panel(judge, store, budget=1.0).rate(cases(*texts))
    assert len(judge.asked) == 4
    with pytest.raises(UserError, match="budget of 1 is spent"):
        panel(judge, store, budget=1.0).rate(cases(*texts))
    assert len(judge.asked) == 4
    assert len(panel(judge, store, budget=2.0).rate(cases(*texts))) == 8
    assert len(judge.asked) == 8


def test_a_budget_without_prices_is_refused(store):
    with pytest.raises(UserError, match="needs prices, but the judge 'toy-judge' has none"):
        panel(ToyJudge(priced=False), store, budget=1.0)


class UnwillingJudge(ToyJudge):
    def rate(self, cases, engine):
        raise UserError("It would judge itself.")


def test_a_judge_that_will_not_judge_a_model_says_so_before_anything_is_generated(tmp_path):
    prepared = judged_by(UnwillingJudge())
    with pytest.raises(UserError, match="It would judge itself"):
        execute(prepared, tmp_path)
    assert prepared.engine.asked == []


def test_a_quality_the_judge_does_not_rate_is_named(store):
    with pytest.raises(UserError, match="'toy-judge' does not rate charm; it rates depth, fluency, height"):
        panel(ToyJudge(), store).rate(cases("at 2", quality="charm"))


def test_the_key_of_a_case_is_what_is_judged_and_nothing_else():
    one = Case("trait", "height", "?", "at 2")
    assert case_key(one) == case_key(Case("other role", "height", "?", "at 2"))
    assert len({case_key(one), case_key(one, "check"), case_key(Case("trait", "depth", "?", "at 2"))}) == 3


# -- runs


def run(folder, plan=PLAN, **judge):
    prepared = prepare(plan)
    for name, value in judge.items():
        setattr(next(iter(prepared.judges.values())), name, value)
    return prepared, execute(prepared, folder)


def test_answers_are_scored_by_their_verdicts(tmp_path):
    prepared, result = run(tmp_path)
    frame = read_samples(tmp_path)
    assert set(frame["unscored"].unique()) == {"", "the text holds no number"}
    rated = frame.filter((frame["method"] == "toy-push") & (frame["split"] == "test"))
    for row in rated.iter_rows(named=True):
        assert row["loss"] == pytest.approx(5 - float(row["text"].split()[-1]))
        assert '"verdicts": 3' in row["record"]
    calibrated = frame.filter((frame["method"] == "toy-push") & (frame["split"] == "calibration"))
    assert calibrated["record"].str.contains('"verdicts": 2').all()
    assert result.higher_is_better
    # The echo says "Say 7.", which says nothing of where it is: counted as unscored, and no mean is made of it.
    assert result.methods["toy-echo"].unscored == result.methods["toy-echo"].items == 12
    assert result.methods["toy-echo"].metrics == {}
    judge, asked = result.judges["trait"], next(iter(prepared.judges.values())).asked
    of_answers = [case for case in asked if case.question != QUESTION]
    assert (judge.name, judge.calls, judge.verdicts) == ("toy-judge", len(asked), len(of_answers))
    assert len(set(of_answers)) == len(of_answers) < len(asked)


def test_roles_of_one_judge_share_it():
    judges = prepare(PLAN).judges
    assert judges["trait"] is judges["fluency"]


def tried(folder, method="toy-push"):
    """By target: (strength, mean loss, mean cost) of every step."""
    frame = read_samples(folder).filter((pl.col("method") == method) & (pl.col("split") == "calibration"))
    found = {}
    for (target, _, strength), part in frame.group_by("target", "step", "strength", maintain_order=True):
        found.setdefault(target, []).append((strength, part["loss"].mean(), part["cost"].mean()))
    return found


def test_the_chosen_strength_is_the_best_whose_fluency_reaches_the_references(tmp_path):
    result = run(tmp_path)[1]
    reference = tried(tmp_path, "reference:toy-words")
    free = run(tmp_path / "free", PLAN.model_copy(update={"rule": "best-score"}))[1]
    for target, settings in tried(tmp_path).items():
        ((_, _, ceiling),) = reference[target]
        allowed = [s for s in settings if s[2] <= ceiling]
        expected = min(allowed or settings, key=lambda s: (max(0.0, s[2] - ceiling), s[1], s[0]))
        assert result.methods["toy-push"].strengths[target] == expected[0]
    # Without the floor the strongest push wins: it is rated highest.
    assert all(
        free.methods["toy-push"].strengths[target] >= strength
        for target, strength in result.methods["toy-push"].strengths.items()
    )
    assert free.methods["toy-push"].strengths != result.methods["toy-push"].strengths
    assert free.digest != result.digest


def test_a_fixed_strength_is_used_and_nothing_is_calibrated(tmp_path):
    result = run(tmp_path, PLAN.model_copy(update={"strength": 1.5}))[1]
    assert set(result.methods["toy-push"].strengths.values()) == {1.5}
    assert set(result.methods["toy-words"].strengths.values()) == {1.0}
    assert set(read_samples(tmp_path)["split"]) == {"test"}


class CrashError(Exception):
    pass


class CrashingJudge(ToyJudge):
    # A process that dies has the sources it always had: by them, this is the toy judge.
    __module__ = ToyJudge.__module__
    left = 7

    def verdict(self, case):
        if len(self.asked) > self.left:
            raise CrashError
        return super().verdict(case)


def judged_by(judge):
    prepared = prepare(PLAN)
    return replace(prepared, judges=dict.fromkeys(prepared.judges, judge))


def test_a_run_killed_while_it_is_judged_pays_for_no_verdict_twice(tmp_path):
    expected = run(tmp_path / "whole")[1]
    asked = 0
    for _ in range(100):
        judge = CrashingJudge()
        try:
            result = execute(judged_by(judge), tmp_path / "torn")
            asked += len(judge.asked)
            break
        except CrashError:
            asked += len(judge.asked) - 1  # the last was never answered
    assert asked == expected.judges["trait"].verdicts
    assert numbers(result) == numbers(run(tmp_path / "again")[1])


def test_a_killed_run_generates_nothing_again_to_be_judged(tmp_path):
    prepared = judged_by(CrashingJudge())
    with pytest.raises(CrashError):
        execute(prepared, tmp_path)
    again = prepare(PLAN)
    answered = {request.prompt.start for request in prepared.engine.asked}
    execute(again, tmp_path)
    unedited = [r.prompt.start for r in again.engine.asked if not r.steering.edits]
    assert answered.isdisjoint(unedited)


# -- another judge


def test_another_judge_rates_the_stored_answers_and_nothing_is_generated(tmp_path):
    then = run(tmp_path / "then")[1]
    prepared = prepare_again(tmp_path / "then", {}, {"toy-judge": {"lenience": 1.0}})
    assert prepared.engine is None
    now = rejudge(tmp_path / "then", prepared, tmp_path / "now")
    before, after = (read_samples(tmp_path / name) for name in ("then", "now"))
    assert before["text"].to_list() == after["text"].to_list()
    for old, new in zip(before.iter_rows(named=True), after.iter_rows(named=True), strict=True):
        lenient = old["split"] == "test" and old["loss"] is not None
        expected = max(old["loss"] - 1.0, 0.0) if lenient else old["loss"]
        assert new["loss"] == pytest.approx(expected)
    assert now.methods["toy-push"].strengths == then.methods["toy-push"].strengths
    assert CHOSEN_BY in now.deviations
    assert CHOSEN_BY not in then.deviations
    assert now.digest != then.digest
    assert read_result(tmp_path / "now") == now


def test_the_same_judge_again_is_asked_only_where_it_gave_no_rating(tmp_path):
    then = run(tmp_path / "then")[1]
    prepared = prepare_again(tmp_path / "then", {}, {})
    (judge,) = {id(j): j for j in prepared.judges.values()}.values()
    now = rejudge(tmp_path / "then", prepared, tmp_path / "now", ask_again=True)
    assert judge.asked
    assert all(case.answer.startswith("Say") for case in judge.asked)
    assert now.methods == then.methods
    assert CHOSEN_BY not in now.deviations


def test_a_run_without_judges_cannot_be_judged_again(tmp_path):
    plan = Plan(methods=("toy-three",), task="toy", trivial=False)
    execute(prepare(plan), tmp_path)
    with pytest.raises(UserError, match="are not rated by judges: there is nothing to rate again"):
        prepare_again(tmp_path, {"trait": "toy-judge"}, {})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"judges": {"charm": "toy-judge"}}, "There is no role of a judge called 'charm'"),
        ({"judges": {"trait": "toy-jugde"}}, "There is no judge 'toy-jugde'; did you mean 'toy-judge'"),
        ({"judge_parameters": {"llm": {}}}, "There is no judge in this plan called 'llm'"),
        ({"judge_parameters": {"toy-judge": {"mood": 1}}}, "There is no parameter of the judge 'toy-judge' called"),
        ({"task": "toy", "judges": {"trait": "toy-judge"}}, "answers of the task 'toy' are not rated by judges"),
    ],
)
def test_a_judge_that_is_not_there_is_told(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        prepare(PLAN.model_copy(update=changes))


def test_the_identity_of_a_run_holds_its_judges_and_its_rule():
    digests = {
        prepare(PLAN.model_copy(update=changes)).identity.digest
        for changes in (
            {},
            {"judge_parameters": {"toy-judge": {"lenience": 0.5}}},
            {"rule": "best-score"},
            {"strength": 1.0},
        )
    }
    assert len(digests) == 4


def test_an_answer_of_unknown_cost_counts_as_the_worst_of_its_target():
    costs = [Score(1.0, cost=2.0), Score(1.0), Score(1.0, cost=3.0)]
    rows = {"a": [Scored("a", str(n), score) for n, score in enumerate(costs)], "b": [Scored("b", "1", Score(1.0))]}
    assert target_costs(rows) == {"a": 8 / 3, "b": math.inf}
