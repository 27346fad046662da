"""`steerbench suite`: what a user types, what comes back, what is said when something is wrong."""

import json
import re

import pytest

from steerbench.studies.suite import SuiteResult

TOY = """model = "toy-model"
engine = "toy"
methods = ["toy-push", "toy-words"]
budget = 4
[[runs]]
name = "effect"
task = "toy"
[[runs]]
name = "cost"
tasks = ["toy", "toy-rated"]
strengths-from = "effect"
param.respondents = 2
"""
SCHOOL = '[[runs]]\nname = "school"\ntask = "gsm8k"\nmethods = ["unsteered"]\n'


@pytest.fixture
def suite(steerbench, tmp_path):
    """Runs `steerbench suite` on a file with this text."""

    def call(text, *options):
        (tmp_path / "some.toml").write_text(text)
        return steerbench("suite", "some.toml", *options)

    return call


def folder_of(done, tmp_path):
    return tmp_path / done.stdout.rstrip().removesuffix(".").rpartition(" in ")[2]


def test_a_suite_prints_one_table_and_says_where_its_runs_are(suite, tmp_path):
    done = suite(TOY, "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all(len(line) <= 100 for line in lines if " runs/" not in line)
    head = next(place for place, line in enumerate(lines) if line.startswith("run "))
    assert " ".join(lines[:head]).startswith("suite some: ")
    assert lines[head].split() == ["run", "method", "measure", "value", "(s)"]
    assert [line.split()[0] for line in lines if re.match(r"effect |cost-[a-z-]+ ", line)] == [
        "effect",
        "cost-toy",
        "cost-toy-rated",
    ]
    assert re.match(r"effect +toy-\S+ +error \(lower is better\) +[\d.]+ \[[\d.]+ [\d.]+\] +0", lines[head + 1])
    result = SuiteResult.model_validate_json((folder_of(done, tmp_path) / "suite.json").read_text())
    assert [f"{run.name}: runs/{run.run}" for run in result.runs] == [line for line in lines if ": runs/" in line]
    assert all((tmp_path / "runs" / run.run / "run.json").exists() for run in result.runs)
    assert lines[-1].startswith("3 runs. All of it is in runs/suite-some-")


@pytest.mark.parametrize(
    ("respondents", "told"),
    [(2, "not steered towards p0, p1 (strength 0)"), (4, "not steered towards 4 of 4 targets (strength 0)")],
)
def test_a_row_that_is_not_steered_is_told(suite, respondents, told):
    text = TOY.partition('[[runs]]\nname = "cost"')[0]
    done = suite(f"strength = 0\n{text}param.respondents = {respondents}\n", "--quiet")
    assert re.search(rf"^  toy-push, toy-random: {re.escape(told)}$", done.stdout, re.MULTILINE)
    assert not re.search("toy-words.*: not steered", done.stdout)


def test_the_same_command_again_shows_the_same_and_json_is_the_result_and_nothing_else(suite, tmp_path):
    first, again = suite(TOY, "--quiet"), suite(TOY, "--quiet")
    assert first.stdout == again.stdout
    printed = suite(TOY, "--quiet", "--json").stdout
    assert printed == (folder_of(first, tmp_path) / "suite.json").read_text()


def test_one_run_is_made_with_the_one_it_takes_its_strengths_from(suite):
    done = suite(TOY, "--only", "cost-toy", "--json")
    assert [run["name"] for run in json.loads(done.stdout)["runs"]] == ["effect", "cost-toy"]
    assert "evaluate toy-push (cost-toy, run 2 of 2) · 2 targets, 12 items" in done.stderr


def test_a_dry_run_runs_nothing_and_says_what_has_been_done(suite, tmp_path):
    before = suite(TOY, "--dry-run")
    assert before.returncode == 0
    assert re.search(r"^effect +toy +toy-push, .* 3 +90 to do +$", before.stdout, re.MULTILINE)
    assert re.search(r"^cost-toy-rated .* to do, after", before.stdout, re.MULTILINE)
    assert not (tmp_path / "runs").exists()
    suite(TOY, "--quiet", "--only", "effect")
    told = json.loads(suite(TOY, "--dry-run", "--json").stdout)
    assert [run["state"] for run in told] == ["done", "to do", "to do"]
    assert all(run["folder"].startswith("runs/") for run in told)


def test_what_is_missing_is_told_at_once_and_named_at_the_end_while_the_others_are_made(suite, tmp_path, monkeypatch):
    monkeypatch.setenv("STEERBENCH_DATA", str(tmp_path))
    for options in (["--quiet", "--json"], ["--dry-run", "--json"]):
        done = suite(TOY + SCHOOL, *options)
        assert done.returncode == 2
        told, end = done.stderr.splitlines()
        assert told.startswith("not made: school: ")
        assert "STEERBENCH_DATA" in told
        assert end == "error: 1 of 4 runs are missing: school."
        assert "school" in done.stdout


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("", [], "some.toml has no runs"),
        (
            TOY + "limt = 1\n",
            [],
            "some.toml, run 'cost': There is no key of a run called 'limt'",
        ),
        (TOY + SCHOOL.replace("gsm8k", "tooy"), [], "some.toml, run 'school': There is no task 'tooy'"),
        (TOY, ["--only", "efect"], "There is no run in this suite called 'efect'; did you mean 'effect'?"),
        (TOY.replace("toy-model", "gpt"), [], "There is no toy model 'gpt'."),
    ],
)
def test_a_mistake_is_one_sentence_on_stderr_and_exit_code_2(suite, tmp_path, text, options, sentence):
    done = suite(text, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_what_a_steering_costs_is_shown_beside_the_unsteered_model(suite):
    text = (
        TOY.partition("[[runs]]")[0]
        + """
    [[runs]]
    name = "cost"
    methods = ["unsteered", "simple-prompt"]
    tasks = ["arithmetic-sample", "coin-flip-sample"]
    limit = 2
    """
    )
    done = suite(text, "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    head = next(place for place, line in enumerate(lines) if line.startswith("run "))
    assert lines[head].split() == ["run", "method", "measure", "value", "unsteered", "(s)"]
    rows = [re.fullmatch(r"(\S+)? +(unsteered|simple-prompt) .*", line) for line in lines[head + 1 : head + 5]]
    assert [row[1] for row in rows] == ["cost-arithmetic-sample", None, "cost-coin-flip-sample", None]
    assert {row[2] for row in rows[:2]} == {row[2] for row in rows[2:]} == {"unsteered", "simple-prompt"}
