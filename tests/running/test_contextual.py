"""Choices beside what their options are worth after no content: by a literal sum, in a run, resumed, published."""

import json
import math
import sqlite3

import numpy as np
import polars as pl
import pytest

from steerbench.contracts import Choice, Prompt, Request, Split
from steerbench.contracts.edits import Add, Positions
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.engines.contextual import chosen
from steerbench.engines.hf.engine import HFEngine
from steerbench.publishing.checking import problems
from steerbench.publishing.publish import publish
from steerbench.publishing.samples import read_samples
from steerbench.records.found_ledgers import LEDGER
from steerbench.records.plan import Plan
from steerbench.records.samples import outcome_of, outcome_text
from steerbench.running.evaluation import prompt_digest
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model
from tasks.papi.readouts import NEUTRAL, READOUTS
from tasks.papi.task import PAPI
from tests.publishing.world import copied, edit_samples, put


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("contextual") / "tiny")


@pytest.fixture(scope="module")
def engine(model):
    return HFEngine.load(str(model), dtype="float32", device="cpu")


def test_the_likelihoods_after_no_content_are_divided_out():
    found = Choice((-1.0, -2.0, -9.0), (-1.0, -4.0, -9.0)).probabilities()
    odds = [math.exp(0), math.exp(2), math.exp(0)]
    assert found == pytest.approx([one / sum(odds) for one in odds])
    assert Choice((-1.0,), (math.nan,)).overflowed


def test_each_choice_has_the_means_over_its_own_neutral_prompts_under_its_own_steering(engine):
    push = Steering((Add("head_out", 1, np.full(engine.width, 3.0, np.float32), Positions("all")),))
    options, neutral = (" yes", " no"), (Prompt(start="Nothing:"), Prompt(start="It:"))
    plain = Request(Prompt(start="Rain is wet:"), options=options, neutral=neutral)
    steered = Request(Prompt(start="Rain is wet:"), push, options, neutral)
    bare = Request(Prompt(start="Rain is wet:"), options=options)
    found = chosen(engine, [plain, steered, bare])
    for choice, request in zip(found[:2], (plain, steered), strict=True):
        [own] = engine.choose([Request(request.prompt, request.steering, options)])
        apart = [engine.choose([Request(prompt, request.steering, options)])[0].logprobs for prompt in neutral]
        assert choice.logprobs == pytest.approx(own.logprobs, abs=1e-4)
        assert choice.neutral == pytest.approx([sum(of) / 2 for of in zip(*apart, strict=True)], abs=1e-4)
    assert found[0].neutral != pytest.approx(found[1].neutral, abs=1e-3)
    assert found[2].neutral == ()


def test_a_choice_is_written_with_them_and_without_them_as_before():
    assert outcome_text(Choice((-1.0, -2.0))) == '{"logprobs": [-1.0, -2.0]}'
    kept = Choice((-1.0, -2.0), (-0.5, math.nan))
    again = outcome_of(outcome_text(kept))
    assert again.logprobs == kept.logprobs
    assert again.neutral[0] == -0.5
    assert math.isnan(again.neutral[1])


def test_what_is_asked_alike_with_other_neutral_prompts_is_another_request():
    one = Request(Prompt(start="a"), options=("x",))
    assert prompt_digest(one) == prompt_digest(Request(Prompt(start="a"), options=("x",), neutral=()))
    assert prompt_digest(one) != prompt_digest(Request(Prompt(start="a"), options=("x",), neutral=(Prompt(start="b"),)))


def test_papi_asks_beside_the_same_list_with_no_statement_in_it():
    task = PAPI(readout="contextual", respondents=2)
    target = task.targets(Split.TEST)[0]
    item = task.items(target, Split.TEST)[0]
    shown = target.shown[:2]
    request = task.request(item, target, Steering(prompt=PromptChange("You are kind.", shown)))
    for prompt, nothing in zip(request.neutral, NEUTRAL, strict=True):
        assert prompt.start == request.prompt.start.replace(f"{item.bare}:", f"{nothing.bare}:")
    assert READOUTS["label"]().neutral == ()


@pytest.fixture(scope="module")
def run(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    plan = Plan(
        methods=("few-shot",),
        task="papi",
        task_parameters={"respondents": 2, "readout": "contextual"},
        model=str(model),
        dtype="float32",
        budget=2,
    )
    return folder, execute(prepare(plan), folder)


def test_a_run_reads_its_answers_so(run):
    folder, result = run
    with sqlite3.connect(folder / LEDGER) as connection:
        rows = connection.execute("SELECT outcome, score FROM samples WHERE method = 'few-shot'").fetchall()
    for outcome, score in rows:
        said = json.loads(outcome)
        worth = [one - bare for one, bare in zip(said["logprobs"], said["neutral"], strict=True)]
        assert json.loads(score)["record"]["answer"] == 1 + worth.index(max(worth))
    # A tiny model of random weights has a favourite option, which is not what is read here.
    assert result.methods["unsteered"].metrics["modal share"].value < 0.9


def test_it_is_published_with_them_and_recomputed_and_a_forged_one_is_found(run, tmp_path):
    folder, _ = run
    published = publish(folder, tmp_path / "results")
    assert problems(published) == []
    frame = read_samples(published).filter(pl.col("method") == "few-shot")
    assert frame["neutral"].null_count() == 0
    row = frame.row(0, named=True)
    forged = copied(published, tmp_path)
    edit_samples(forged, put(row["method"], row["target"], row["item"], neutral=None))
    assert any("0 neutral log-likelihoods instead of 5" in one for one in problems(forged))


def test_samples_published_before_there_were_any_are_read(run, tmp_path):
    folder, _ = run
    published = publish(folder, tmp_path / "results")
    path = published / "samples.parquet"
    pl.read_parquet(path).drop("neutral").write_parquet(path)
    assert read_samples(published)["neutral"].null_count() == len(read_samples(published))
