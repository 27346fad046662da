"""Rated runs from the command line: judges, budgets, rating again, and judges looked at."""

import json

import pytest

RATED = ("run", "--task", "toy-rated", "--engine", "toy", "--model", "toy-model", "--budget", "4", "--quiet")


def run_of(told):
    return told.stdout.rsplit("All of it is in ", 1)[1].strip().rstrip(".")


def test_a_rated_board_has_the_best_on_top_and_names_its_judges(steerbench):
    told = steerbench(*RATED, "--method", "toy-push")
    assert told.returncode == 0
    lines = told.stdout.splitlines()
    assert lines[0].startswith(
        "toy-rated on the dataset toy-2-None-None, strict protocol, model toy-model, n = 2 targets"
    )
    rows = [line.split()[0] for line in lines if line.split() and line.split()[0].startswith("toy-")]
    assert rows.index("toy-push") < rows.index("toy-silent") < rows.index("toy-echo")
    assert "trait rated by toy-judge: " in told.stdout


def test_a_judge_budget_stops_with_one_sentence_and_a_higher_one_goes_on(steerbench):
    priced = (*RATED, "--method", "toy-push", "--param", "toy-judge.price=0.5")
    stopped = steerbench(*priced, "--judge-budget", "3")
    assert stopped.returncode == 2
    assert "The judge budget of 3 is spent (3)" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    done = steerbench(*priced, "--judge-budget", "1000")
    assert done.returncode == 0
    assert "cost" in done.stdout


def test_rejudge_makes_a_run_of_its_own_and_keeps_the_old_one(steerbench, tmp_path):
    first = run_of(steerbench(*RATED, "--method", "toy-push"))
    told = steerbench("rejudge", first, "--param", "toy-judge.lenience=0.5", "--quiet")
    assert told.returncode == 0, told.stderr
    assert "strengths were chosen by another judge" in told.stdout
    second = run_of(told)
    assert second != first
    strict, lenient = (json.loads(steerbench("show", run, "--json").stdout) for run in (first, second))
    heights = [result["methods"]["toy-push"]["metrics"]["height"]["value"] for result in (strict, lenient)]
    assert heights[1] == pytest.approx(heights[0] + 0.5)
    assert run_of(steerbench("rejudge", first, "--param", "toy-judge.lenience=0.5", "--quiet")) == second


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Nothing would change: name another judge"),
        (("--judge", "toy-jugde"), "There is no judge 'toy-jugde'; did you mean 'toy-judge'"),
        (("--param", "toy-push.size=2"), "takes parameters of judges only, and 'toy-push' is not a judge"),
        (("--param", "toy-judge.mood=2"), "There is no parameter of the judge 'toy-judge' called 'mood'"),
    ],
)
def test_rejudge_says_what_it_cannot_do(steerbench, arguments, sentence):
    run = run_of(steerbench(*RATED, "--method", "toy-push"))
    told = steerbench("rejudge", run, *arguments, "--quiet")
    assert told.returncode == 2
    assert sentence in told.stderr


def test_rejudge_of_a_run_that_is_not_there_is_told(steerbench):
    told = steerbench("rejudge", "nowhere", "--judge", "toy-judge")
    assert told.returncode == 2
    assert "There is no finished run in nowhere" in told.stderr


def test_a_judge_on_a_task_that_has_none_is_told(steerbench):
    told = steerbench("run", "--task", "toy", "--method", "toy-three", "--judge", "toy-judge", "--no-trivial")
    assert told.returncode == 2
    assert "The answers of the task 'toy' are not rated by judges" in told.stderr


def test_judge_check_tells_how_a_judge_orders_texts_of_known_end(steerbench, tmp_path, monkeypatch):
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STEERBENCH_DATA", raising=False)  # the published texts are many, and have a test of their own
    told = steerbench("judge", "check", "axis", "--json")
    assert told.returncode == 0, told.stderr
    figures = json.loads(told.stdout)["trait, embedded texts"]
    assert set(figures["auc"]) == {"agreeableness", "conscientiousness", "extraversion", "neuroticism", "openness"}
    assert min(figures["auc"].values()) > 0.9
    assert "area under the curve, extraversion" in steerbench("judge", "check", "axis").stdout
