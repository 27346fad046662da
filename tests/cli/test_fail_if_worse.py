"""`steerbench compare --fail-if-worse`: an exit code for whoever watches over quality."""

import pytest

from steerbench.contracts import Metric
from steerbench.studies.comparison import Paired, worse

PEOPLE = ("--param", "toy.respondents=8", "--no-trivial")


@pytest.fixture
def gate(steerbench):
    return lambda first, second, margin="0.05": steerbench("compare", first, second, "--fail-if-worse", margin)


def test_a_run_that_lost_more_fails_and_the_method_is_named(toy_run, gate, steerbench):
    good, bad = (toy_run("--method", "toy-push", *PEOPLE, "--strength", strength) for strength in ("1", "8"))
    done = gate(good, bad)
    assert done.returncode == 1, done.stderr
    assert "toy-push: worse by more than 0.05." in done.stdout
    assert steerbench("compare", good, bad).returncode == 0
    # Better is never worse, and a margin is a margin.
    assert gate(bad, good).returncode == 0
    assert gate(good, bad, "4").returncode == 0


def test_the_same_run_passes_and_adds_no_line(toy_run, gate, steerbench):
    run = toy_run("--method", "toy-push,toy-words", *PEOPLE)
    done = gate(run, run, "0")
    assert done.returncode == 0
    assert done.stdout == steerbench("compare", run, run).stdout


def test_answers_that_the_second_run_lacks_fail(toy_run, gate):
    both = toy_run("--method", "toy-push,toy-words", *PEOPLE)
    fewer_methods = toy_run("--method", "toy-push", *PEOPLE)
    fewer_people = toy_run("--method", "toy-push,toy-words", "--param", "toy.respondents=7", "--no-trivial")
    done = gate(both, fewer_methods, "4")
    assert done.returncode == 1
    assert "toy-words: 48 answers of the first run have no loss in the second." in done.stdout
    assert "toy-push: 6 answers of the first run" in gate(both, fewer_people, "4").stdout
    assert gate(fewer_methods, both, "4").returncode == 0


def test_a_rise_whose_interval_reaches_down_to_the_margin_passes():
    def pair(value: float, low: float | None) -> Paired:
        return Paired("pas", 1.0, 1.0 + value, Metric(value, low), 0.5, 0.5)

    # A single target has no interval and counts by its value.
    unsure, sure, alone = pair(0.2, -0.1), pair(0.2, 0.06), pair(0.2, None)
    assert worse([unsure, sure, alone], 0.05) == [sure, alone]
