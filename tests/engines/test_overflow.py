"""Strengths that overflow: the row says so, and no other row of the batch is touched."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from steerbench.contracts import Prompt, Request, Sampling
from steerbench.contracts.edits import Add, Positions, Site
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.overflow import normable, unmistakable
from steerbench.errors import UserError
from steerbench.testing.tiny_models import tiny_model
from tests.engines.situations import DECODE, ENDS, LABELS, STARTS, add, neurons

SITES: tuple[Site, ...] = ("head_out", "mlp_act", "resid")
GREEDY = Sampling(max_new_tokens=6)
DRAWN = Sampling(max_new_tokens=6, temperature=1.3, top_p=0.9, repetition_penalty=1.2, seed=3)
ALL_MODELS = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "gemma3")


def good(engine: HFEngine) -> list[Steering]:
    return [UNSTEERED, Steering((add(engine, "head_out", 2),)), Steering(neurons(engine, 1))]


def overflowing(engine: HFEngine, strength: float = 1e30) -> list[Steering]:
    everywhere = [Steering((add(engine, site, layer),)) for site in SITES for layer in (0, 3)]
    front = Steering((add(engine, "resid", 0, Positions("front", 2)),))
    return [steering.scaled(strength) for steering in (*everywhere, front)]


def prompts() -> list[Prompt]:
    """Some with long common starts, which are computed once, and some that share nothing."""
    return [
        *(Prompt(start=2 * start + end) for start in STARTS for end in ENDS),
        Prompt((("system", "You are one."), ("user", "party?")), "Option ("),
        Prompt(start="Very Accurate"),
    ]


def mixed(engine: HFEngine, bad: list[Steering], options: tuple[str, ...]) -> tuple[list[Request], list[bool]]:
    """Every steering asks every prompt, in a mixed order; and which of them overflow.

    Some that overflows comes first: rows without a common start are lent the first one's keys and values.
    """
    several = [*good(engine), *bad]
    asked = [(Request(p, s, options), n >= 3) for n, s in enumerate(several) for p in prompts()]
    asked.insert(0, asked.pop())
    order = [0, *(1 + np.random.default_rng(0).permutation(len(asked) - 1))]
    return [asked[i][0] for i in order], [asked[i][1] for i in order]


@pytest.mark.parametrize("name", ALL_MODELS)
def test_options_of_an_overflowing_steering_are_nan_and_the_others_are_what_they_were(
    engine_of: Callable[..., HFEngine], name: str
) -> None:
    engine = engine_of(name, 100_000)
    asked, bad = mixed(engine, overflowing(engine), LABELS)
    tame, _ = mixed(engine, overflowing(engine, 1e-3), LABELS)
    found = engine.choose(asked)
    for choice, before, overflows in zip(found, engine.choose(tame), bad, strict=True):
        assert choice.overflowed == overflows
        if overflows:
            assert np.isnan(choice.logprobs).all()
        else:
            assert choice == before  # to the bit: the same batch but for the others' strength


@pytest.mark.parametrize("sampling", [GREEDY, DRAWN], ids=["greedy", "drawn"])
@pytest.mark.parametrize("name", ALL_MODELS)
def test_answers_under_an_overflowing_steering_end_at_once_and_the_others_are_what_they_were(
    engine_of: Callable[..., HFEngine], name: str, sampling: Sampling
) -> None:
    engine = engine_of(name, 100_000)
    asked, bad = mixed(engine, overflowing(engine), ())
    tame, _ = mixed(engine, overflowing(engine, 1e-3), ())
    assert len(engine.batches(asked)) == 1
    for said, before, overflows in zip(
        engine.generate(asked, sampling), engine.generate(tame, sampling), bad, strict=True
    ):
        assert said.overflowed == overflows
        assert not overflows or (said.text, said.tokens) == ("", 0)
        # Drawing is row after row from one generator, and a row of certainty draws as any other does.
        assert overflows or said == before


def test_a_good_request_alone_gets_what_it_gets_beside_overflowing_ones(engine: HFEngine) -> None:
    engine = replace(engine, token_budget=100_000)
    asked, bad = mixed(engine, overflowing(engine), LABELS)
    for request, choice, overflows in zip(asked, engine.choose(asked), bad, strict=True):
        if not overflows:
            np.testing.assert_allclose(engine.choose([request])[0].logprobs, choice.logprobs, atol=1e-5, rtol=1e-5)
    plain = [replace(request, options=()) for request in asked]
    for request, said, overflows in zip(plain, engine.generate(plain, GREEDY), bad, strict=True):
        assert overflows or engine.generate([request], GREEDY) == [said]


@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_an_overflow_after_the_prompt_keeps_what_was_said_before_it(
    engine_of: Callable[..., HFEngine], name: str
) -> None:
    """The first token comes of the unedited prompt; reading it overflows."""
    engine = engine_of(name)
    late = Steering((add(engine, "resid", 1, DECODE),)).scaled(1e30)
    prompt = Prompt(start=STARTS[0])
    plain, steered = engine.generate([Request(prompt), Request(prompt, late)], GREEDY)
    first = engine.generate([Request(prompt)], Sampling(max_new_tokens=1))[0]
    assert not plain.overflowed
    assert (steered.text, steered.tokens, steered.finish) == (first.text, 1, "overflow")


def test_an_option_of_one_token_is_read_before_the_overflow_that_another_option_meets(engine: HFEngine) -> None:
    """`!` is predicted by the prompt, which the edit leaves alone; ` Very Accurate` is read on the way."""
    late = Steering((add(engine, "resid", 1, DECODE),)).scaled(1e30)
    short, long = Request(Prompt(start=STARTS[0]), late, ("!",)), Request(Prompt(start=STARTS[1]), late, LABELS[:2])
    expected = engine.choose([Request(short.prompt, options=("!",))])[0]
    beside = engine.choose([short, long, replace(short, options=("!", *LABELS[:2]))])
    np.testing.assert_allclose(beside[0].logprobs, expected.logprobs, atol=1e-5)
    assert np.isnan(beside[1].logprobs).all()
    np.testing.assert_allclose(beside[2].logprobs, [*expected.logprobs, np.nan, np.nan], atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_overflows_sooner_and_is_contained_alike(tmp_path: Path, dtype: str) -> None:
    """In float16, where 66,000 is too large, an edit may overflow on some tokens only."""
    engine = HFEngine.load(str(tiny_model(tmp_path)), dtype=dtype, device="cpu", token_budget=100_000)
    strengths = [2.0**n for n in range(8, 22)] if dtype == "float16" else [1e30]
    bad = [Steering((add(engine, "mlp_act", 2),)).scaled(s) for s in strengths]
    asked, _ = mixed(engine, bad, LABELS)
    found = engine.choose(asked)
    assert {c.overflowed for c in found} == {True, False}
    for request, choice in zip(asked, found, strict=True):
        alone = engine.choose([request])[0]
        assert choice.overflowed == alone.overflowed
        np.testing.assert_allclose(choice.logprobs, alone.logprobs, atol=0.2)
    plain = [replace(request, options=()) for request in asked]
    together = engine.generate(plain, GREEDY)
    assert {c.overflowed for c in together} == {True, False}
    for request, said, choice in zip(plain, together, found, strict=True):
        assert said.overflowed == engine.generate([request], GREEDY)[0].overflowed
        assert said.overflowed or not choice.overflowed or request.steering.edits


def test_a_state_too_long_to_be_normalised_is_an_overflow_though_every_number_of_it_is_finite() -> None:
    states = torch.tensor([[1.0, 2.0], [1e30, 0.0], [torch.inf, 0.0], [torch.nan, 0.0], [1e18, 1e18]])
    assert normable(states).tolist() == [True, False, False, False, True]
    assert unmistakable(states).isnan().all(1).tolist() == [False, True, True, True, False]
    assert unmistakable(states)[4].tolist() == states[4].tolist()


def test_a_state_that_grew_too_long_on_the_way_overflows_too(engine: HFEngine) -> None:
    """Each edit alone is within bounds: it is their sum that no norm can take, and that would come out as zeros."""
    vector = np.full(engine.modules.width("resid"), 2e18, np.float32)
    one, four = Steering((Add("resid", 3, vector),)), Steering(tuple(Add("resid", n, vector) for n in range(4)))
    asked = [Request(Prompt(start=STARTS[0]), steering) for steering in (one, four)]
    assert [said.overflowed for said in engine.generate(asked, GREEDY)] == [False, True]
    assert [c.overflowed for c in engine.choose([replace(r, options=LABELS) for r in asked])] == [False, True]


def test_neurons_are_not_counted_over_an_overflow(engine: HFEngine) -> None:
    asked = [Request(Prompt(start=STARTS[0]), steering) for steering in (UNSTEERED, *overflowing(engine)[:1])]
    with pytest.raises(UserError, match="overflowed"):
        engine.survey(asked, GREEDY, [0, 1])


def test_padding_that_overflows_is_not_met_by_the_tokens_before_it(tmp_path: Path) -> None:
    """Prefixes of different lengths are padded with token 0, here so large that an edit takes it out of float16."""
    engine = HFEngine.load(str(tiny_model(tmp_path)), dtype="float16", device="cpu", token_budget=100_000)
    edit = Add("resid", 0, np.full(engine.modules.width("resid"), 8000, np.float32))
    asked = [Request(prompt, Steering((edit,)), LABELS) for prompt in prompts()]
    answers = engine.generate(asked, GREEDY), engine.choose(asked)
    with torch.inference_mode():
        engine.loaded.model.get_input_embeddings().weight[0] = 60_000
    assert (engine.generate(asked, GREEDY), engine.choose(asked)) == answers
    assert not any(outcome.overflowed for outcomes in answers for outcome in outcomes)
