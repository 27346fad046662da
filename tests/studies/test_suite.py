"""Suites: ordinary runs on one engine, what one takes from another, and what happens when one cannot be made."""

import hashlib
from pathlib import Path

import pytest
from steerbench_crashing import Crash, CrashingEngine
from steerbench_testkit import ToyEngine

from steerbench.errors import UserError
from steerbench.records.plan import Plan
from steerbench.records.results import read_result
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.running.strengths import chosen_in
from steerbench.studies.suite import Suite, SuiteEntry, read_suite, run_suite
from steerbench.studies.suite_outlook import outlook

PLAN = Plan(methods=("toy-push", "toy-words"), task="toy", model="toy-model", engine="toy", budget=4)
PAID = PLAN.model_copy(update={"task": "toy-rated", "judge_parameters": {"toy-judge": {"price": 0.5}}})
EFFECT = SuiteEntry("effect", PLAN)
COST = SuiteEntry("cost", PLAN.model_copy(update={"task_parameters": {"respondents": 2}}), "effect")
WITHOUT_DATA = SuiteEntry("school", PLAN.model_copy(update={"task": "gsm8k", "methods": ("unsteered",)}))


def suite_of(*entries):
    return Suite(Path("some.toml"), hashlib.sha256(b"").hexdigest(), entries)


def changed(**changes):
    return PLAN.model_copy(update=changes)


@pytest.fixture
def without_data(monkeypatch, tmp_path):
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("STEERBENCH_DATA", str(tmp_path / "data"))


def test_every_run_is_an_ordinary_one_and_takes_strengths_as_run_does(tmp_path):
    result, folder = run_suite(suite_of(EFFECT, COST), tmp_path, ToyEngine())
    assert result == read_suite(folder)
    assert [(run.name, run.task, run.strengths_from) for run in result.runs] == [
        ("effect", "toy", ""),
        ("cost", "toy", "effect"),
    ]
    effect = execute(prepare(PLAN), tmp_path / "alone" / "effect")
    plan = COST.plan.model_copy(update=chosen_in(effect.methods)._asdict())
    alone = prepare(plan)
    cost = execute(alone, tmp_path / "alone" / "cost")
    for run, expected in zip(result.runs, (effect, cost), strict=True):
        assert run.digest == expected.digest
        assert {name: row.metrics for name, row in run.rows.items()} == {
            name: row.metrics for name, row in expected.methods.items()
        }
        assert (run.headline, run.higher_is_better, run.targets) == ("error", False, expected.targets)
    assert result.runs[1].run == alone.folder(tmp_path).name
    assert {name: row.trivial for name, row in result.runs[0].rows.items()} == {
        "toy-push": False,
        "toy-words": False,
        "toy-three": True,
        "toy-silent": True,
        "toy-random": True,
    }


def test_strengths_that_are_taken_are_the_ones_used(tmp_path):
    result, _ = run_suite(suite_of(EFFECT, COST), tmp_path, ToyEngine())
    effect, cost = (read_result(tmp_path / run.run) for run in result.runs)
    used = cost.methods["toy-push"].strengths
    assert set(used) == {"p0", "p1"}
    assert used.items() <= effect.methods["toy-push"].strengths.items()


def test_a_prompt_is_worded_as_in_the_run_that_chose_its_wording(tmp_path):
    result, _ = run_suite(suite_of(EFFECT, COST), tmp_path, ToyEngine())
    effect, cost = (read_result(tmp_path / run.run) for run in result.runs)
    assert effect.methods["toy-words"].wordings == {"p0": 2, "p1": 2}
    assert cost.methods["toy-words"].wordings == {"p0": 2, "p1": 2}
    assert cost.identity["plan"]["wordings"] == {"toy-words": {"p0": 2, "p1": 2}}


def numbers(result):
    return result.model_copy(update={"runs": [run.model_copy(update={"seconds": 0.0}) for run in result.runs]})


def test_a_suite_killed_at_any_chunk_goes_on_and_ends_with_the_same_result(tmp_path):
    suite, counting = suite_of(EFFECT, COST), CrashingEngine()
    whole, _ = run_suite(suite, tmp_path / "whole", counting)
    assert counting.chunks > 10
    for left in range(0, counting.chunks, 3):
        out = tmp_path / f"killed-{left}"
        with pytest.raises(Crash):
            run_suite(suite, out, CrashingEngine(left=left))
        assert not list(out.glob("suite-*"))
        again = CrashingEngine()
        assert numbers(run_suite(suite, out, again)[0]) == numbers(whole)
        assert again.chunks == counting.chunks - left


def test_the_same_suite_again_asks_nothing_and_part_of_it_has_a_folder_of_its_own(tmp_path):
    first, folder = run_suite(suite_of(EFFECT, COST), tmp_path, ToyEngine())
    engine = ToyEngine()
    assert run_suite(suite_of(EFFECT, COST), tmp_path, engine) == (first, folder)
    assert run_suite(suite_of(EFFECT), tmp_path, engine)[1] != folder
    assert engine.asked == []
    assert read_suite(folder) == first


def test_a_run_without_its_data_is_told_at_once_and_so_is_what_needs_it_while_the_others_are_made(
    tmp_path, without_data
):
    after = SuiteEntry("after", PLAN, "school")
    engine = ToyEngine()
    heard = []
    suite = suite_of(EFFECT, WITHOUT_DATA, after, COST)
    result, folder = run_suite(
        suite, tmp_path, engine, on_missing=lambda name, why: heard.append((name, why, len(engine.asked)))
    )
    assert [run.name for run in result.runs] == ["effect", "cost"]
    assert list(result.missing) == ["school", "after"]
    assert "STEERBENCH_DATA" in result.missing["school"]
    assert result.missing["after"] == "It takes its strengths from 'school', which was not made."
    assert heard == [(name, why, 0) for name, why in result.missing.items()]
    assert read_suite(folder) == result


def test_a_run_that_fails_on_its_way_is_told_and_the_others_are_made(tmp_path):
    heard = []
    suite = suite_of(SuiteEntry("paid", PAID), EFFECT, SuiteEntry("after", changed(task="toy-rated"), "paid"))
    result, _ = run_suite(suite, tmp_path, ToyEngine(), judge_budget=2, on_missing=lambda name, why: heard.append(name))
    assert [run.name for run in result.runs] == ["effect"]
    assert heard == list(result.missing) == ["paid", "after"]
    assert "judge budget of 2 is spent" in result.missing["paid"]


def test_a_judge_budget_counts_what_a_run_took_that_was_broken_off(tmp_path):
    other = PAID.model_copy(update={"seed": 1})
    suite = suite_of(SuiteEntry("first", PAID), SuiteEntry("second", other))
    result, _ = run_suite(suite, tmp_path, ToyEngine(), judge_budget=2)
    assert list(result.missing) == ["first", "second"]
    assert "is spent (2)" in result.missing["first"]
    assert "judge budget of 0 is spent (0)" in result.missing["second"]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (changed(task="toyy"), "There is no task 'toyy'; did you mean 'toy'"),
        (changed(methods=("toy-psh",)), "There is no method 'toy-psh'"),
        (changed(task_parameters={"respondent": 1}), "did you mean 'respondents'"),
        (changed(task_parameters={"respondents": "a"}), "toy.respondents cannot be 'a'"),
        (changed(task_parameters={"respondents": 0}), "A toy task needs respondents"),
        (changed(method_parameters={"toy-push": {"size": "a"}}), "toy-push.size cannot be 'a'"),
        (changed(judges={"trait": "axis"}), "are not rated by judges"),
        (changed(task="arithmetic-sample", task_parameters={"poles": "joy+"}), "joy"),
        (changed(task="arithmetic-sample", methods=("pas",)), "give --strength, or"),
        (changed(model="toy-other"), "It asks for another model or engine than the first run"),
    ],
)
def test_a_mistake_in_the_last_run_is_refused_before_the_first(last, said):
    with pytest.raises(UserError, match=r"some\.toml, run 'last': ") as refused:
        suite_of(EFFECT, SuiteEntry("last", last))
    assert said in str(refused.value)


def test_a_mistake_is_found_in_a_run_whose_strengths_cannot_be_had(without_data):
    with pytest.raises(UserError, match="run 'after': There is no task 'toyy'"):
        suite_of(WITHOUT_DATA, SuiteEntry("after", changed(task="toyy"), "school"))


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (changed(methods=("toy-push+toy-words",)), r"has no row 'toy-push\+toy-words'"),
        (changed(task_parameters={"respondents": 4}), "has none of 'toy-push' towards p3; it has p0, p1, p2"),
    ],
)
def test_strengths_that_the_run_before_will_not_have_are_refused_before_it_starts(plan, said):
    with pytest.raises(UserError, match=said):
        suite_of(EFFECT, SuiteEntry("cost", plan, "effect"))


def test_the_outlook_counts_questions_and_says_what_is_done(tmp_path, without_data):
    suite = suite_of(EFFECT, COST, WITHOUT_DATA)
    engine = ToyEngine()
    before = outlook(suite, tmp_path, engine)
    assert engine.asked == []
    assert [(run.name, run.state, run.folder is None) for run in before] == [
        ("effect", "to do", False),
        ("cost", "to do", True),
        ("school", "missing", True),
    ]
    # 5 rows (3 of them trivial) of 6 test items each, for 3 and for 2 people.
    assert [run.questions for run in before] == [90, 60, 0]
    with pytest.raises(Crash):
        run_suite(suite, tmp_path, CrashingEngine(left=3))
    assert outlook(suite, tmp_path, engine)[0].state == "begun"
    result, _ = run_suite(suite, tmp_path, ToyEngine())
    after = outlook(suite, tmp_path, engine)
    assert [run.state for run in after] == ["done", "done", "missing"]
    assert [run.folder for run in after[:2]] == [tmp_path / run.run for run in result.runs]


def test_a_folder_without_a_suite_is_told(tmp_path):
    with pytest.raises(UserError, match=r"no finished suite in .*: it holds no suite\.json"):
        read_suite(tmp_path)
    (tmp_path / "suite.json").write_text("{}")
    with pytest.raises(UserError, match="not a suite this version"):
        read_suite(tmp_path)
