"""`steerbench run --plan`: what would be run and how long it may take, without a run; and what `run` says first."""

import json

import pytest

from tests.cli.conftest import TOY

LOUD = tuple(option for option in TOY if option != "--quiet")


def contents(folder):
    """What lies in a run's folder, without what SQLite lays beside a ledger that is read."""
    return {
        path: path.read_bytes() for path in folder.rglob("*.*") if path.suffix not in (".sqlite-shm", ".sqlite-wal")
    }


def test_a_plan_names_every_row_with_its_answers_and_makes_nothing(steerbench, tmp_path):
    done = steerbench(*TOY, "--method", "toy-push,toy-words", "--respondents", "5", "--plan")
    assert (done.returncode, done.stderr) == (0, "")
    title, *head = done.stdout.splitlines()[:3]
    assert title.strip() == "toy, strict protocol"
    assert " ".join(head).split() == ["calibration", "test", "row", "role", "targets", "answers", "answers"]
    table, said = done.stdout.splitlines()[3:8], done.stdout.splitlines()[8:]
    assert [line.split() for line in table] == [
        ["toy-push", "method", "5", "40", "30"],
        ["toy-words", "method", "5", "30", "30"],
        ["toy-three", "constant", "5", "0", "30"],
        ["toy-silent", "unsteered", "5", "0", "30"],
        ["toy-random", "placebo", "5", "40", "30"],
    ]
    assert said[0] == "5 people are too few for any difference to be significant; 6 are the least."
    # Of the 230 answers in rows with a model, each search has 8 at strength 0 that are the same for another target.
    assert said[1].startswith("About a second for 214 answers at the speed of 2 plain ones asked now; fitting, ")
    assert said[2].startswith("It would lie in runs/toy-toy-push-toy-words-")
    assert not (tmp_path / "runs").exists()


def test_the_same_as_json_is_one_object_and_nothing_else(steerbench, tmp_path):
    done = steerbench(*TOY, "--method", "toy-push", "--plan", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert told["rows"][0] == {
        "name": "toy-push",
        "role": "method",
        "targets": 3,
        "calibration": 24,
        "test": 18,
        "asked_calibration": 20,
        "asked_test": 18,
        "at_most": False,
    }
    assert (told["units"], told["over"], told["finished"]) == (3, "people", False)
    assert told["answers"] == sum(row["asked_calibration"] + row["asked_test"] for row in told["rows"])
    assert told["seconds"] == pytest.approx(told["answers"] * told["speed"]["seconds"])
    assert told["speed"]["together"] == 2
    assert "too few" in told["shows"]
    assert "plain ones asked now" in told["time"]
    assert not (tmp_path / "runs").exists()


def test_the_plan_of_a_finished_run_says_so_and_asks_nothing(steerbench, toy_run):
    folder = toy_run("--method", "toy-push")
    before = contents(folder)
    done = steerbench(*TOY, "--method", "toy-push", "--plan")
    assert done.stdout.splitlines()[-2:] == [
        "The run is finished; no answers are missing.",
        f"It lies in runs/{folder.name}.",
    ]
    told = json.loads(steerbench(*TOY, "--method", "toy-push", "--plan", "--json").stdout)
    assert (told["finished"], told["answers"], told["speed"], told["seconds"]) == (True, 0, None, None)
    assert contents(folder) == before


def test_of_a_run_that_asks_no_model_nothing_is_said_of_time(steerbench):
    command = ("run", "--task", "toy", "--engine", "toy", "--method", "toy-three")
    told = json.loads(steerbench(*command, "--plan", "--json").stdout)
    assert (told["time"], told["speed"], told["answers"]) == ("", None, 0)
    assert "About" not in steerbench(*command).stderr


def test_a_plan_is_not_made_beside_a_run_that_goes_on(steerbench, tmp_path):
    done = steerbench("run", "--resume", "runs/x", "--plan")
    assert done.returncode == 2
    assert done.stderr == (
        "error: --resume takes its plan from the run, so --plan cannot be given beside it; leave one out.\n"
    )


def test_a_plan_that_cannot_be_run_is_refused_as_the_run_would_be(steerbench, tmp_path):
    done = steerbench(*TOY, "--method", "toy-psh", "--plan")
    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no method 'toy-psh'; did you mean 'toy-push'" in done.stderr


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_a_run_tells_how_long_it_may_take_before_it_measures_unless_it_is_to_be_quiet(steerbench, option):
    assert "at the speed of" not in steerbench(*LOUD, "--method", "toy-push", option).stderr


def test_a_run_tells_how_long_it_may_take_once(steerbench):
    first, again = (steerbench(*LOUD, "--method", "toy-push") for _ in range(2))
    assert first.stderr.splitlines()[1].startswith("About a second for ")
    assert "plain" not in again.stderr


def test_a_run_that_was_told_of_is_the_run_that_was_not(steerbench, tmp_path):
    command = ("--method", "toy-push,toy-words", "--out")
    steerbench(*LOUD, *command, "told")
    steerbench(*TOY, *command, "quiet")
    results = [json.loads(next(tmp_path.glob(f"{name}/*/run.json")).read_text()) for name in ("told", "quiet")]
    assert {**results[0], "timings": None} == {**results[1], "timings": None}
