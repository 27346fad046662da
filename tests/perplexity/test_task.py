"""The perplexity task: what is asked, its loss against transformers' own forward pass, and runs through the harness."""

import json
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from steerbench.contracts import Choice, Completion, Split
from steerbench.contracts.edits import Add
from steerbench.contracts.steering import UNSTEERED, PromptChange, Steering
from steerbench.errors import UserError
from steerbench.records.export import read_samples
from steerbench.records.plan import Plan
from steerbench.records.results import RunResult
from steerbench.running.preparing import Prepared, prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model
from tasks.perplexity.task import ASKED, Perplexity

PLAN = Plan(
    methods=("unsteered", "actadd", "simple-prompt"),
    task="perplexity",
    task_parameters={"limit": 4},
    dtype="float32",
    strength=3.0,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def prepared(model: Path) -> Prepared:
    return prepare(PLAN.model_copy(update={"model": str(model)}))


@pytest.fixture(scope="module")
def run(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult]:
    folder = tmp_path_factory.mktemp("run")
    return folder, execute(prepared, folder)


EDIT = Add("resid", 1, np.linspace(-1, 1, 32, dtype=np.float32), strength=2.0)


def by_hand(model: Path, steering: Steering, opening: str, rest: str) -> float:
    """Bits of the rest: one forward pass of transformers over the whole chat, softmax and sum token by token."""
    system = steering.prompt.system
    tokenizer = AutoTokenizer.from_pretrained(model)
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": "user", "content": ASKED}]
    text = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)) + opening
    before, after = (tokenizer(part, add_special_tokens=False)["input_ids"] for part in (text, rest))
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    for edit in steering.edits:
        assert isinstance(edit, Add)
        shift = edit.strength * torch.from_numpy(edit.vector)
        network.model.layers[edit.layer].register_forward_hook(lambda _, __, hidden, shift=shift: hidden + shift)
    with torch.no_grad():
        logits = network(torch.tensor([before + after])).logits[0].double()
    bits = 0.0
    for place, token in enumerate(after, start=len(before)):
        bits -= math.log2(torch.softmax(logits[place - 1], dim=0)[token].item())
    return bits


@pytest.mark.parametrize("steering", [UNSTEERED, Steering(prompt=PromptChange("You are orderly.")), Steering((EDIT,))])
def test_the_loss_is_that_of_transformers_forward_pass(prepared: Prepared, model: Path, steering: Steering) -> None:
    engine, task = prepared.engine, prepared.task
    assert engine is not None
    target = task.targets(Split.TEST)[0]
    items = task.items(target, Split.TEST)[:3]
    choices = engine.choose([task.request(item, target, steering) for item in items])
    for item, choice in zip(items, choices, strict=True):
        opening = " ".join(item.text.split()[:8])
        rest = item.text.removeprefix(opening)
        score = task.score(item, target, choice)
        bits = by_hand(model, steering, opening, rest)
        assert score.record["bits"] == pytest.approx(bits, rel=1e-5)
        assert score.loss == pytest.approx(bits / len(rest), rel=1e-5)
        assert (score.record["characters"], score.record["words"]) == (len(rest), len(item.text.split()) - 8)


def test_the_steering_says_its_prompt_and_edits_the_pass() -> None:
    task = Perplexity(limit=1)
    target = task.targets(Split.TEST)[0]
    (item,) = task.items(target, Split.TEST)
    assert task.items(target, Split.CALIBRATION) == []
    steering = Steering(prompt=PromptChange("You are orderly."))
    request = task.request(item, target, steering)
    assert request.steering is steering
    assert request.prompt.messages == (("system", "You are orderly."), ("user", ASKED))
    assert task.request(item, target, UNSTEERED).prompt.messages == (("user", ASKED),)
    assert request.prompt.start + request.options[0] == item.text


def test_every_row_has_its_figures_and_the_unsteered_model_is_asked_once(
    run: tuple[Path, RunResult], prepared: Prepared
) -> None:
    folder, result = run
    assert [next(iter(row.metrics)) for row in result.methods.values()] == ["bits per character"] * 3
    assert not result.higher_is_better
    frame = read_samples(folder)
    assert len(frame) == 3 * 2 * 4
    plain = frame.filter(pl.col("method") == "unsteered").sort("target", "item")
    # One answer for both poles.
    assert plain["loss"].to_list()[:4] == plain["loss"].to_list()[4:]
    for method in ("actadd", "simple-prompt"):
        row = frame.filter(pl.col("method") == method).sort("target", "item")
        assert row["loss"].to_list() != plain["loss"].to_list()
        change = result.methods[method].metrics["change"]
        assert change.value == pytest.approx(float((row["loss"] - plain["loss"]).mean()), abs=1e-9)  # type: ignore[arg-type]
        assert change.n == 4
    record = json.loads(plain["record"][0])
    assert record["bits"] / record["characters"] == pytest.approx(plain["loss"][0])


def test_a_strength_that_overflows_leaves_a_board_that_says_so(model: Path, tmp_path: Path) -> None:
    plan = PLAN.model_copy(update={"model": str(model), "methods": ("unsteered", "actadd"), "strength": 1e38})
    result = execute(prepare(plan), tmp_path)
    row = result.methods["actadd"]
    assert row.metrics["bits per character"].value is None
    assert row.unscored == row.items == 8
    assert row.warnings == ["strength overflows on 8 of 8 answers"]
    assert result.methods["unsteered"].metrics["bits per character"].value is not None
    assert RunResult.model_validate_json(result.model_dump_json()) == result


def test_a_likelihood_that_is_no_number_has_no_loss_and_a_record_of_valid_json() -> None:
    task = Perplexity(limit=1)
    target = task.targets(Split.TEST)[0]
    (item,) = task.items(target, Split.TEST)
    for logprob in (math.nan, -math.inf):
        score = task.score(item, target, Choice((logprob,)))
        assert score.loss is None
        assert "no finite likelihood" in score.unscored
        assert json.loads(json.dumps(score.record, allow_nan=False))["bits"] is None


def test_the_identity_tells_passages_sizes_and_poles_apart() -> None:
    told = [
        json.dumps(dict(task.identity()))
        for task in (Perplexity(), Perplexity(limit=5), Perplexity(poles="openness+"), Perplexity(limit=48))
    ]
    assert len(set(told)) == 3
    assert told[0] == told[3]


@pytest.mark.real_data
def test_problems_of_gsm8k_are_the_second_choice() -> None:
    task = Perplexity(dataset="gsm8k", limit=2)
    target = task.targets(Split.TEST)[0]
    first, _ = task.items(target, Split.TEST)
    request = task.request(first, target, UNSTEERED)
    assert "She makes 9 * 2 = $18 every day" in request.options[0]
    assert task.identity()["digest"] != Perplexity().identity()["digest"]


def test_what_cannot_be_measured_is_refused() -> None:
    task = Perplexity(limit=1)
    target = task.targets(Split.TEST)[0]
    (item,) = task.items(target, Split.TEST)
    for outcome in (3.0, Completion("text", 1, "stop")):
        with pytest.raises(UserError, match="one of the methods answers without"):
            task.score(item, target, outcome)
    with pytest.raises(UserError, match=r"perplexity.limit is 0"):
        Perplexity(limit=0)
    with pytest.raises(UserError, match="is empty or has an empty entry"):
        Perplexity(poles=",")
