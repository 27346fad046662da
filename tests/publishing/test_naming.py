"""A published run's name, its model's, and the command that repeats it."""

import re
import shlex
import sys

import pytest
from typer.testing import CliRunner

from steerbench.cli.app import app
from steerbench.contracts import Split
from steerbench.publishing.given_strengths import strengths_in
from steerbench.publishing.naming import NO_MODEL, RESULTS, command_of, id_of, model_of, without_folders
from steerbench.publishing.publish import publish
from steerbench.publishing.schema import read_published
from steerbench.records.plan import Plan, build_task
from tests.publishing.world import TOY, finished, published

PLANS = {
    "plain": Plan(methods=("toy-push",), task="toy"),
    "everything": Plan(
        methods=("toy-push", "toy-words+toy-push"),
        task="toy",
        method_parameters={"toy-push": {"size": 0.25, "variant": "published"}},
        task_parameters={"respondents": 2, "readout": "generate", "poles": "p0,p1", "limit": 3},
        model="toy model",
        engine="vllm",
        engine_parameters={"first": True, "second": ["a", 1]},
        dtype="float32",
        chat_template="t.jinja",
        budget=4,
        rule="best-score",
        calibration="grid",
        strength=-1.5,
        seed=7,
        trivial=False,
    ),
    "published": Plan(methods=("pas",), task="papi", protocol="published", calibration="grid"),
    "golden though published": Plan(methods=("pas",), task="papi", protocol="published", calibration="golden"),
    "judged": Plan(
        methods=("p2",),
        task="personalitybench",
        task_parameters={"dataset": "bank", "off_target": False, "questions": 3},
        judges={"trait": "llm", "fluency": "llm"},
        judge_parameters={"llm": {"model": "m", "allow_self_judge": True}},
    ),
    "texts that look like something else": Plan(
        methods=("toy-push",), task="toy", method_parameters={"toy-push": {"a": "1", "b": "true", "c": "x y", "d": ""}}
    ),
    "a task called like a judge": Plan(
        methods=("pas",), task="perplexity", task_parameters={"dataset": "gsm8k", "limit": 2}, strength=2.0
    ),
}  # fmt: skip


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_the_command_has_the_plan_that_it_was_made_from(plan, monkeypatch):
    started = []
    monkeypatch.setattr(sys.modules["steerbench.cli.run"], "_start", lambda plan, *_: started.append(plan))
    _, *words = shlex.split(command_of(plan, "it"))
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert started == [plan]


def test_a_command_leaves_out_what_would_be_so_anyway_but_for_the_budget_whose_default_has_changed():
    assert command_of(PLANS["plain"], "it") == "steerbench run --method=toy-push --task=toy --budget=5"
    published = "steerbench run --method=pas --task=papi --protocol=published --budget=5"
    assert command_of(PLANS["published"], "it") == published


def test_strengths_of_an_earlier_run_are_taken_from_the_published_one(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(sys.modules["steerbench.cli.run"], "_start", lambda plan, *_: started.append(plan))
    monkeypatch.chdir(tmp_path)
    given = {target.id: 2.5 for target in build_task(TOY).targets(Split.TEST)}
    wordings = {"toy-words": {"p0": 1}}
    plan = TOY.model_copy(update={"strengths": {"toy-push": given, "another": given}, "wordings": wordings})
    run = publish(finished(tmp_path / "run", plan), RESULTS)
    _, *words = shlex.split(read_published(run).command)
    assert words[-1] == f"--strengths-from=leaderboard/results/{run.name}"
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert started == [plan]


def test_strengths_are_also_taken_from_a_published_run_that_chose_its_own(tmp_path):
    run = published(tmp_path)
    assert strengths_in(run).strengths["toy-push"] == read_published(run).methods["toy-push"].strengths
    assert strengths_in(run) == strengths_in(tmp_path / "run")


def test_an_id_has_plain_letters_and_an_end():
    plan = Plan(methods=tuple(f"Méthod/{n}" for n in range(40)), task="../Task")
    assert re.fullmatch(r"[a-z0-9.+_-]{1,121}", id_of(plan, "0123456789abcdef" * 4))
    assert id_of(plan, "0123456789abcdef" * 4).endswith("-0123456789")
    assert "/" not in id_of(plan, "f" * 64)


def test_where_a_model_lay_is_not_told(tmp_path):
    plan = Plan(methods=("pas",), task="papi", model=str(tmp_path), chat_template="/home/me/mine.jinja")
    told = without_folders(plan)
    assert (told.model, told.chat_template) == (tmp_path.name, "mine.jinja")
    hub = Plan(methods=("pas",), task="papi", model="meta-llama/Llama-3.2-1B")
    assert without_folders(hub) == hub


def test_a_run_that_asked_no_model_says_so():
    assert model_of(PLANS["plain"], {"engine": None}) == NO_MODEL
    assert model_of(PLANS["plain"], {"engine": {"weights": "1"}}) == "smollm2-135m"
