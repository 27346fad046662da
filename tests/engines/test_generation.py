"""Generated text, against a loop without cache, batch or padding."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import GenerationConfig

from steerbench.contracts import Completion, Prompt, Request, Sampling
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.hf import generation
from steerbench.engines.hf.engine import HFEngine
from tests.engines import oracle
from tests.engines.conftest import MODELS
from tests.engines.situations import ENDS, requests, steerings

Engines = Callable[..., HFEngine]
GREEDY = Sampling(max_new_tokens=6)
LONG = "".join(f"{n} times I am the life of the party: Very Inaccurate; " for n in range(4))
"""More tokens than are worth sharing."""


def family(steering: Steering) -> list[Request]:
    """Prompts of one steering with a long beginning in common and ends of many lengths."""
    return [Request(Prompt(start=LONG + end), steering) for end in ENDS]


def expected(engine: HFEngine, request: Request, count: int) -> Completion:
    stops = [engine.loaded.tokenizer.eos_token_id]
    tokens = oracle.greedy(engine.loaded, request, count, stops)
    text = oracle.text_after(engine.loaded, request.prompt, tokens)
    return Completion(text, len(tokens), "stop" if tokens[-1] in stops else "length")


@pytest.fixture
def prefixes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests of each batch were served a prefix computed once."""
    served: list[int] = []
    original = generation._prefix_cache

    def spy(modules: Any, batch: Any, prefixes: Any, *rest: Any) -> Any:
        cache = original(modules, batch, prefixes, *rest)
        assert (cache is None) == (not prefixes.first)
        served.append(sum(shared > 0 for shared in prefixes.shared))
        return cache

    monkeypatch.setattr(generation, "_prefix_cache", spy)
    return served


@pytest.mark.parametrize("name", MODELS)
def test_greedy_text_of_mixed_steerings_is_that_of_a_loop_without_a_cache(engine_of: Engines, name: str) -> None:
    engine = engine_of(name, token_budget=1500)
    asked = requests(engine, ())[::4]
    assert len({r.steering.edits_key for i in engine.batches(asked)[0] for r in [asked[i]]}) > 1
    assert [expected(engine, r, 6) for r in asked] == list(engine.generate(asked, GREEDY))


@pytest.mark.parametrize("name", MODELS)
def test_prefixes_of_several_steerings_are_shared_in_one_batch_and_no_further(
    engine_of: Engines, name: str, prefixes: list[int]
) -> None:
    engine = engine_of(name, token_budget=20_000)
    known = steerings(engine)
    asked = [r for one in ("unsteered", "everything", "residual in decode") for r in family(known[one])]
    asked += [Request(Prompt(start="I am the life of"), s) for s in known.values()]
    asked += [replace(r, steering=known["residual, one row for each of 3"]) for r in asked[:1]]
    assert [expected(engine, r, 6) for r in asked] == list(engine.generate(asked, GREEDY))
    assert prefixes == ([0] if engine.modules.slides else [3 * len(ENDS)])


def test_a_window_wider_than_the_batch_does_not_keep_prefixes_from_being_shared(
    engine_of: Engines, prefixes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of("mistral")
    for config in (engine.modules.config, *(layer.self_attn.config for layer in engine.modules.layers)):
        monkeypatch.setattr(config, "sliding_window", 4000)
    asked = family(steerings(engine)["everything"])
    assert [expected(engine, r, 6) for r in asked] == list(engine.generate(asked, GREEDY))
    assert prefixes == [len(ENDS)]


def test_text_ends_at_any_of_the_stop_tokens(engine: HFEngine) -> None:
    asked = requests(engine, ())[::3]
    free = [oracle.greedy(engine.loaded, r, 6, ()) for r in asked]
    other = free[0][2]
    engine.tokens.stops = [2, other]
    for request, tokens, got in zip(asked, free, engine.generate(asked, GREEDY), strict=True):
        end = next((i for i, token in enumerate(tokens) if token in (2, other)), None)
        text = oracle.text_after(engine.loaded, request.prompt, tokens[:end])
        assert got == Completion(text, 6 if end is None else end + 1, "length" if end is None else "stop"), request
    assert {got.finish for got in engine.generate(asked, GREEDY)} == {"stop", "length"}


DRAWN = Sampling(max_new_tokens=8, temperature=1.0, seed=3)


def test_drawn_text_is_the_same_for_a_seed_and_another_for_another(engine: HFEngine) -> None:
    asked = requests(engine, ())
    first = engine.generate(asked, DRAWN)
    torch.manual_seed(99)
    assert engine.generate(asked, DRAWN) == first
    assert engine.generate(asked, replace(DRAWN, seed=4)) != first


def test_drawing_leaves_the_global_generator_alone(engine: HFEngine) -> None:
    torch.manual_seed(7)
    alone = torch.rand(3)
    torch.manual_seed(7)
    engine.generate(family(UNSTEERED), DRAWN)
    assert torch.equal(torch.rand(3), alone)


def test_batches_of_other_prompts_draw_other_numbers(engine_of: Engines) -> None:
    """Near-uniform draws repeat from batch to batch only if each starts from the same random state."""
    engine = engine_of("llama", token_budget=1)
    asked = [Request(Prompt(start=f"I am the {n} of")) for n in range(8)]
    drawn = engine.generate(asked, Sampling(max_new_tokens=4, temperature=1e4))
    assert len(engine.batches(asked)) == 8
    assert len({one.text for one in drawn}) == 8


def test_a_high_temperature_reaches_beyond_the_fifty_likeliest_tokens(engine: HFEngine) -> None:
    request = Request(Prompt(start="I am the life of"))
    logits = engine.loaded.model(input_ids=torch.tensor([engine.tokenize(request.prompt)])).logits[0, -1]
    likeliest = {engine.loaded.tokenizer.decode([t]) for t in logits.topk(50).indices.tolist()}
    one = Sampling(max_new_tokens=1, temperature=1e4)
    drawn = {engine.generate([request], replace(one, seed=seed))[0].text for seed in range(12)}
    assert drawn - likeliest


def test_the_models_own_generation_defaults_change_nothing(engine: HFEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = requests(engine, ())[:8]
    before = [engine.generate(asked, sampling) for sampling in (GREEDY, DRAWN)]
    theirs = GenerationConfig(
        eos_token_id=2, top_k=1, no_repeat_ngram_size=1, min_new_tokens=6, repetition_penalty=9.0, do_sample=True
    )
    monkeypatch.setattr(engine.loaded.model, "generation_config", theirs)
    assert [engine.generate(asked, sampling) for sampling in (GREEDY, DRAWN)] == before


@pytest.mark.parametrize("penalty", [1.7, 0.05])
def test_the_repetition_penalty_is_applied_and_does_not_see_padding(engine: HFEngine, penalty: float) -> None:
    """Below 1 it is a reward, so that any token seen in padding only would be said."""
    penalised = replace(GREEDY, repetition_penalty=penalty)
    asked = [*requests(engine, ())[:12], *family(UNSTEERED)]
    alone = [engine.generate([request], penalised)[0] for request in asked]
    assert list(engine.generate(asked, penalised)) == alone
    assert alone != list(engine.generate(asked, GREEDY))
