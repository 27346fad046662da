"""`steerbench run`: what a user types, what comes back, what is said when something is wrong."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap

import pytest

from steerbench.records.results import RunResult
from tests.cli.conftest import COMMAND, TOY, environment


def test_a_run_prints_its_board_sorted_by_the_headline_within_100_columns(steerbench, tmp_path):
    done = steerbench(*TOY, "--method", "toy-push,toy-words", "--method", "toy-push+toy-words", "--respondents", "5")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 130  # the folder's line may be longer than the table
    assert all(len(line) <= 100 for line in lines[:-1])
    head = next(place for place, line in enumerate(lines) if line.startswith("method "))
    caption = " ".join(line.strip() for line in lines[: head - 1])
    assert caption.startswith("toy on the dataset toy-5-None-None, strict protocol, model toy-model, n = 5 targets, ")
    assert re.search(r"seed 0, .*, \d{4}-\d\d-\d\d, lower error is better$", caption)
    assert [lines[head - 1].split(), lines[head].split()] == [
        ["median", "moved", "time"],
        ["method", "error", "strength", "steered", "against", "(s)"],
    ]
    rows = {line.split()[0]: float(line.split()[1]) for line in lines[head + 1 : head + 7]}
    assert set(rows) == {"toy-push", "toy-words", "toy-push+toy-words", "toy-three", "toy-silent", "toy-random"}
    assert list(rows.values()) == sorted(rows.values())
    assert lines[-1].startswith("5 targets. All of it is in runs/toy-toy-push-toy-words-toy-push+toy-words-")
    assert " ".join(line.strip() for line in lines[head + 7 : -1]) == (
        "Intervals and tests are over targets, 95 %. Moved against: the share of items that steering moved the wrong "
        "way / that it moved at all."
    )
    assert done.stderr == ""


def test_the_same_command_again_shows_the_finished_run_and_another_seed_is_another_run(steerbench, tmp_path):
    command = (*TOY, "--method", "toy-push")
    first, again, other = steerbench(*command), steerbench(*command), steerbench(*command, "--seed", "1")
    assert first.stdout == again.stdout
    assert other.stdout != first.stdout
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_json_is_the_result_and_nothing_else(steerbench, tmp_path):
    done = steerbench(*TOY, "--method", "toy-push", "--json")
    (folder,) = (tmp_path / "runs").iterdir()
    assert RunResult.model_validate_json(done.stdout) == RunResult.model_validate_json(
        (folder / "run.json").read_text()
    )


def test_a_log_gets_a_line_for_each_stage_and_quiet_none(steerbench):
    done = steerbench(*(option for option in TOY if option != "--quiet"), "--method", "toy-push")
    assert "calibrate toy-push · 3 targets, 24 items, " in done.stderr
    assert "evaluate toy-three · 3 targets, 18 items, " in done.stderr


def test_parameters_and_variants_reach_the_plug_ins_they_are_for(steerbench):
    options = (
        "--param",
        "toy-push.size=0.25",
        "--param",
        "toy.respondents=2",
        "--variant",
        "published",
        "--no-trivial",
    )
    result = json.loads(steerbench(*TOY, "--method", "toy-push+toy-words", *options, "--json").stdout)
    assert list(result["methods"]) == ["toy-push+toy-words"]
    settings = result["methods"]["toy-push+toy-words"]["settings"]["toy-push"]
    assert (settings["size"], settings["variant"]) == (0.25, "published")
    assert result["targets"] == 2


def test_the_published_protocol_tries_the_published_grid_and_says_how_it_deviates(steerbench):
    done = steerbench(*TOY, "--method", "toy-push", "--protocol", "published")
    assert "Not strict: keys as stored; strength chosen on the test items." in done.stdout
    result = json.loads(steerbench(*TOY, "--method", "toy-push", "--protocol", "published", "--json").stdout)
    assert result["plan"]["calibration"] == "grid"
    assert set(result["methods"]["toy-push"]["strengths"].values()) <= {0, 1, 2, 4, 6, 8}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--method", "toy-psh"], "There is no method 'toy-psh'; did you mean 'toy-push'"),
        (["--method", "toy-push", "--task", "tyo"], "There is no task 'tyo'; did you mean 'toy'?"),
        (["--method", "toy-push", "--engine", "tpy"], "There is no engine 'tpy'; did you mean 'toy'?"),
        (["--method", "toy-push", "--model", "gpt"], "There is no toy model 'gpt'."),
        (
            ["--method", "toy-push", "--dataset", "x"],
            "There is no parameter of the task 'toy' called 'dataset'; there are:",
        ),
        (
            ["--method", "toy-push", "--readout", "x"],
            "toy.readout cannot be 'x': input should be 'label' or 'generate'.",
        ),
        (["--method", "toy-push", "--param", "toy-push.size"], "--param toy-push.size cannot be read: write NAME."),
        (
            ["--method", "toy-push", "--param", "toy-psh.size=1"],
            "method in this plan called 'toy-psh'; did you mean 'toy-",
        ),
        (
            ["--method", "toy-push", "--param", "toy-push.size=a"],
            "toy-push.size cannot be 'a': input should be a valid num",
        ),
        (
            ["--method", "toy-words", "--variant", "x"],
            "--variant x has no effect: none of the methods asked for has var",
        ),
        (
            # A judge has the same name.
            ["--method", "toy-push", "--task", "perplexity", "--param", "perplexity.limit=0"],
            "perplexity.limit is 0; it has to be at least 1",
        ),
        (["--method", "toy-push", "--resume", "runs/x"], "--resume takes its plan from the run, so --"),
        ([], "No method was named: give --method, for example --method pas"),
    ],
)
def test_a_mistake_is_one_sentence_on_stderr_and_exit_code_2(steerbench, tmp_path, arguments, sentence):
    done = steerbench(*TOY, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_model_is_only_loaded_where_a_method_needs_one_and_is_the_built_in_one_if_none_is_named(steerbench):
    toy = ("run", "--task", "toy", "--engine", "toy", "--json")
    without = json.loads(steerbench(*toy, "--method", "toy-three").stdout)
    assert (without["identity"]["engine"], list(without["methods"])) == (None, ["toy-three"])
    assert "There is no toy model 'smollm2-135m'." in steerbench(*toy, "--method", "toy-push").stderr


def test_a_finished_run_is_resumed_by_showing_it_and_a_missing_one_is_told(steerbench, toy_run):
    folder = toy_run("--method", "toy-push")
    done = steerbench("run", "--resume", folder)
    assert done.stdout == steerbench("show", folder).stdout
    assert "There is no run in nowhere: it holds no ledger.sqlite." in steerbench("run", "--resume", "nowhere").stderr


SLOW = """
import time
from dataclasses import dataclass
from steerbench_testkit import ToyEngine

@dataclass
class SlowEngine(ToyEngine):
    name: str = "slow"

    def choose(self, requests):
        time.sleep(0.1)
        return super().choose(requests)
"""


@pytest.fixture
def slow_engine(tmp_path):
    """The toy engine, a tenth of a second a chunk: an installed package with one entry point."""
    folder = tmp_path / "slow"
    (folder / "slow-1.dist-info").mkdir(parents=True)
    (folder / "slow-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1\n")
    (folder / "slow-1.dist-info" / "entry_points.txt").write_text("[steerbench.engines]\nslow = slow:SlowEngine\n")
    (folder / "slow.py").write_text(SLOW)
    return folder


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_or_killed_run_goes_on_and_ends_with_the_same_numbers(steerbench, tmp_path, slow_engine, sent):
    plan = ("--task", "toy", "--engine", "slow", "--model", "toy-model", "--budget", "4", "--method", "toy-push")
    whole = json.loads(steerbench("run", *plan, "--json", "--out", "whole", path=[slow_engine]).stdout)
    started = subprocess.Popen(
        [*COMMAND, "run", *plan], cwd=tmp_path, env=environment(slow_engine), stderr=subprocess.PIPE, text=True
    )
    assert "too few" in started.stderr.readline()
    assert "answers at the speed of" in started.stderr.readline()
    assert "fit toy-push" in started.stderr.readline()
    started.send_signal(sent)
    told = started.stderr.read()
    started.wait()
    started.stderr.close()
    (folder,) = (tmp_path / "runs").iterdir()
    if sent is signal.SIGINT:
        assert started.returncode == 130
        assert f"Stopped.\nContinue with:\n  steerbench run --resume runs/{folder.name}\n" in told
    assert not (folder / "run.json").exists()
    done = steerbench("run", "--resume", folder, "--json", path=[slow_engine])
    again = json.loads(done.stdout)
    assert {**again, "timings": None} == {**whole, "timings": None}


PLUGIN = {
    "pyproject.toml": """
        [build-system]
        requires = ["setuptools"]
        build-backend = "setuptools.build_meta"
        [project]
        name = "grumpy-steering"
        version = "0.1"
        [tool.setuptools]
        py-modules = ["grumpy"]
        [project.entry-points."steerbench.methods"]
        grumpy = "grumpy:Grumpy"
        """,
    "grumpy.py": '''
        from steerbench.contracts.steering import PromptChange, Steering

        class Grumpy:
            """Tells the model to be grumpy."""
            name = "grumpy"
            needs_model = True
            strengths = (1.0, 1.0)

            def fit(self, engine, targets):
                return [Steering(prompt=PromptChange("You are grumpy.")) for _ in targets]
        ''',
}


def test_somebody_elses_package_joins_by_one_entry_point(steerbench, tmp_path):
    source, installed = tmp_path / "source", tmp_path / "installed"
    source.mkdir()
    for name, text in PLUGIN.items():
        (source / name).write_text(textwrap.dedent(text))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(installed), str(source)], check=True, env=os.environ)
    listed = steerbench("list", "methods", path=[installed]).stdout
    assert "Tells the model to be grumpy." in next(line for line in listed.splitlines() if line.startswith("grumpy"))
    result = json.loads(steerbench(*TOY, "--method", "grumpy,grumpy+toy-push", "--json", path=[installed]).stdout)
    assert result["methods"]["grumpy"]["metrics"]["error"]["value"] > 0
    assert "grumpy" not in steerbench("list", "methods").stdout
