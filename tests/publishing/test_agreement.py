"""Asking a tiny model again: what it said agrees, in whatever batches; what it did not say does not."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from steerbench.contracts import Choice, Prompt, Request, Task
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import Target
from steerbench.engines.hf.engine import HFEngine
from steerbench.publishing.agreement import (
    NATS,
    OPENING,
    SHARE,
    TEXT_NATS,
    Samples,
    agreements,
    openings,
    same_choice,
    same_texts,
)
from steerbench.publishing.samples import asked_of, samples_of
from steerbench.records.found_ledgers import LEDGER
from steerbench.records.plan import Plan, PlanRow
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model

ARITHMETIC = {"methods": ("caa", "simple-prompt"), "task": "arithmetic-sample", "strength": 4.0}
PAPI = {"methods": ("pas", "few-shot"), "task": "papi", "budget": 2}


@dataclass
class Ran:
    """A run of the tiny model, and what it takes to ask it again."""

    engine: HFEngine
    task: Task
    rows: dict[str, PlanRow]
    samples: Samples

    def agree(self, samples: Samples) -> list[bool]:
        return [one.agrees for one in agreements(self.engine, self.task, self.rows, asked_of(self.task), samples)]

    def with_column(self, name: str, change: Callable[[str], Any]) -> Samples:
        return {place: {**sample, name: change(sample[name])} for place, sample in self.samples.items()}


def speaking(folder: Path) -> Path:
    """A tiny model that is sure of its words, which are plain: of other bytes a text is not the tokens that made it."""
    tiny_model(folder, max_position_embeddings=16384)
    weights = load_file(folder / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    plain = [re.fullmatch(r" ?[A-Za-z]+", tokenizer.decode([n])) is not None for n in range(tokenizer.get_vocab_size())]
    weights["lm_head.weight"] = 3 * weights["lm_head.weight"] * torch.tensor(plain)[:, None]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ran]:
    """Runs of a plan on the tiny model, with samples of the rows that ask it, by (method, (target, item))."""
    model = speaking(tmp_path_factory.mktemp("model"))
    done: dict[str, Ran] = {}

    def of(name: str, limit: dict[str, int], **settings: Any) -> Ran:
        if name not in done:
            plan = Plan(task_parameters=limit, model=str(model), dtype="float32", **settings)
            prepared, folder = prepare(plan), tmp_path_factory.mktemp(name)
            execute(prepared, folder)
            rows = {row.name: row for row in prepared.rows if row.method.needs_model}
            frame = samples_of(folder / LEDGER, prepared.task, {})
            samples = {(s["method"], (s["target"], s["item"])): s for s in frame.iter_rows(named=True)}
            asked = {place: sample for place, sample in samples.items() if place[0] in rows}
            assert isinstance(prepared.engine, HFEngine)
            done[name] = Ran(replace(prepared.engine, token_budget=500), prepared.task, rows, asked)
        return done[name]

    return of


@pytest.fixture
def texts(ran: Callable[..., Ran]) -> Ran:
    return ran("texts", {"limit": 4, "max_new_tokens": 60}, **ARITHMETIC)


@pytest.fixture
def choices(ran: Callable[..., Ran]) -> Ran:
    return ran("choices", {"respondents": 2}, **PAPI)


def test_every_answer_of_an_honest_run_agrees_in_other_batches(texts: Ran, choices: Ran) -> None:
    assert texts.agree(texts.samples) == [True] * len(texts.samples)
    assert choices.agree(choices.samples) == [True] * len(choices.samples)
    assert {method for method, _ in texts.samples} == {"caa", "simple-prompt", "unsteered"}
    assert {"pas", "few-shot", "unsteered"} <= {method for method, _ in choices.samples}


def test_texts_of_other_items_do_not_agree(texts: Ran) -> None:
    rows: dict[tuple[str, str], list[Any]] = {}
    for (method, (target, item)), sample in texts.samples.items():
        rows.setdefault((method, target), []).append((item, sample))
    swapped = {
        (method, (target, item)): {**sample, "before": row[place - 1][1]["before"]}
        for (method, target), row in rows.items()
        for place, (item, sample) in enumerate(row)
    }
    assert sum(texts.agree(swapped)) < len(swapped) / 10


def test_texts_that_were_edited_in_the_middle_of_their_opening_do_not_agree(texts: Ran) -> None:
    edited = texts.with_column("before", lambda text: f"{text[:30]}party{text[35:]}")
    assert sum(texts.agree(edited)) < len(edited) / 10


def test_a_text_of_which_only_the_start_is_left_does_not_agree(texts: Ran) -> None:
    cut = texts.with_column("before", lambda text: text[: OPENING // 4])
    assert sum(texts.agree(cut)) == 0


def test_likelihoods_of_options_that_changed_places_do_not_agree(choices: Ran) -> None:
    swapped = choices.with_column("logprobs", lambda nats: [nats[1], nats[0], *nats[2:]])
    assert sum(choices.agree(swapped)) < len(swapped) / 10


def test_another_text_agrees_if_it_is_nearly_as_likely_and_only_then(texts: Ran) -> None:
    engine, request = texts.engine, Request(Prompt((("user", "How are you?"),)))
    [said] = engine.generate([request], texts.task.sampling)
    words = sorted(word for word in engine.loaded.tokenizer.get_vocab() if re.fullmatch("[a-zA-Z]{2,}", word))
    others = [said.text[:40] + word for word in words]
    nats = engine.choose([replace(request, options=tuple(others))])[0].logprobs
    best = others[int(np.argmax(nats))]
    near = [max(nats) - one <= TEXT_NATS for one in nats]
    assert 5 < sum(near) < len(near) - 5
    assert same_texts(engine, [request] * len(others), [replace(said, text=best)] * len(others), others) == near


def test_of_what_followed_thoughts_only_the_same_words_agree(texts: Ran) -> None:
    engine, request = texts.engine, Request(Prompt((("user", "How are you?"),)))
    [said] = engine.generate([request], texts.task.sampling)
    likelier = said.text[:2]
    assert same_texts(engine, [request], [replace(said, text="zq", thoughts="")], [likelier]) == [True]
    assert same_texts(engine, [request], [replace(said, text="zq", thoughts="Well.")], [likelier]) == [False]
    assert same_texts(engine, [request], [replace(said, text="zq", thoughts="Well.")], ["zq"]) == [True]


def test_what_a_steering_says_before_one_item_is_said_as_in_a_run(choices: Ran) -> None:
    """Such steerings are controls' so far, whose answers are not drawn; the way of asking is one all the same."""
    name = "few-shot"
    asked = asked_of(choices.task)
    places = [place for method, place in choices.samples if method == name][:3]

    class Hints:
        name, needs_model, strengths = "hints", True, (1.0, 1.0)

        def fit(self, engine: Any, targets: Sequence[Target]) -> Sequence[Steering]:
            hints = {item: PromptChange(f"Hint: {item}.") for _, item in places}
            return [Steering(by_item=hints) for _ in targets]

    rows = {name: replace(choices.rows[name], method=Hints())}
    samples = {}
    for place in places:
        target, item = asked[place]
        request = choices.task.request(item, target, Steering(prompt=PromptChange(f"Hint: {place[1]}.")))
        told = choices.engine.choose([request])[0].logprobs
        samples[name, place] = {**choices.samples[name, place], "strength": 1.0, "wording": 0, "logprobs": list(told)}
    found = agreements(choices.engine, choices.task, rows, asked, samples)
    assert [one.agrees for one in found] == [True] * len(places)
    assert not all(choices.agree({place: samples[place] for place in samples}))


def test_likelihoods_agree_within_the_rounding_of_their_size() -> None:
    near = NATS + SHARE * 200
    assert same_choice(Choice((-200.0 + 0.99 * near,)), [-200.0])
    assert not same_choice(Choice((-200.0 + 1.01 * near,)), [-200.0])
    assert not same_choice(Choice((float("nan"),)), [-200.0])
    assert not same_choice(Choice((-1.0, -2.0)), [-1.0])


def test_openings_are_as_many_words_of_both_texts() -> None:
    assert openings("I like to sing.", "We hate it") == ("I like to", "We hate it")
    long = "x" * (OPENING - 1)
    assert openings(f"a {long} b", "a c d e") == ("a", "a")
    assert openings(f"{long}yz!", "a") == (f"{long}y", "a")


def test_a_text_that_ends_where_the_other_goes_on_has_no_opening_to_compare() -> None:
    assert openings("I like it", "I lik") is None
    assert openings("Yes.", "Yes. And no.") is openings("Yes. And no.", " Yes.") is None
    assert openings("Yes.", " ") is openings("", "Yes.") is None
    assert openings(" Yes.\n", "Yes.") == (" Yes.", "Yes.")
    sentence = "word " * OPENING
    assert openings(f"{sentence}and", sentence) is not None
