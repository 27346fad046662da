"""What is refused, what is left behind, and what happens when memory runs out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from steerbench.contracts import Prompt, Request, Sampling
from steerbench.contracts.edits import Add, Boost, Cap, Edit, Positions
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.hf import memory
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from tests.engines.situations import LABELS, STARTS, requests, steerings

ONE = Prompt(start="I am the life of the party:")
SAMPLING = Sampling(max_new_tokens=3)


@contextmanager
def layer_raising(engine: HFEngine, error: Callable[[], Exception], above: int = 0) -> Iterator[None]:
    """Layer 1 raises when more than `above` tokens pass it at once."""
    layer = engine.modules.layers[1]
    forward = layer.forward

    def failing(hidden: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if hidden.shape[0] * hidden.shape[1] > above:
            raise error()
        return forward(hidden, *args, **kwargs)

    layer.forward = failing
    try:
        yield
    finally:
        del layer.forward


def hooks_of(engine: HFEngine) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in engine.loaded.model.modules())


# -- hooks


@pytest.mark.parametrize(
    "run",
    [
        lambda e: e.choose(requests(e)),
        lambda e: e.capture(requests(e, ()), ["resid", "head_out"]),
        lambda e: e.generate(requests(e, ()), SAMPLING),
    ],
    ids=["choose", "capture", "generate"],
)
def test_no_hook_is_left_behind_even_when_a_layer_raises(engine: HFEngine, run: Callable[[HFEngine], Any]) -> None:
    tokens = torch.tensor([engine.tokenize(ONE)])
    before = engine.loaded.model(input_ids=tokens).logits
    settings, state = engine.loaded.model.generation_config, torch.get_rng_state()
    run(engine)
    with layer_raising(engine, lambda: ZeroDivisionError("in a layer")), pytest.raises(ZeroDivisionError):
        run(engine)
    assert hooks_of(engine) == 0
    assert torch.equal(engine.loaded.model(input_ids=tokens).logits, before)
    assert engine.loaded.model.generation_config is settings
    assert torch.equal(torch.get_rng_state(), state)


# -- memory

OUT_OF_MEMORY = [
    lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    lambda: RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    MemoryError,
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_out_of_memory_halves_the_batches_and_goes_on_with_the_right_results(
    engine: HFEngine, error: Callable[[], Exception]
) -> None:
    asked = requests(engine)
    expected = engine.choose(asked)
    with layer_raising(engine, error, above=400):
        got = engine.choose(asked)
        assert 100 <= engine.token_budget <= 500
        assert engine.choose(asked) == got
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one.logprobs, other.logprobs, atol=1e-4, rtol=0)


def test_generation_goes_on_too_when_memory_runs_out(engine: HFEngine) -> None:
    asked = requests(engine, ())
    expected = engine.generate(asked, SAMPLING)
    with layer_raising(engine, OUT_OF_MEMORY[0], above=300):
        assert engine.generate(asked, SAMPLING) == expected


def test_a_small_last_batch_that_does_not_fit_is_cut_at_once(engine: HFEngine) -> None:
    """Its size counts, not the budget, which may be a hundred times larger."""
    asked = [Request(Prompt(start=f"{n} is the life of the party"), options=LABELS) for n in range(8)]
    engine.token_budget = 100_000
    failures = []
    with layer_raising(engine, lambda: failures.append(1) or MemoryError(), above=80):
        engine.choose(asked)
    assert len(failures) <= 3


def test_one_request_that_does_not_fit_is_told_to_the_user(engine: HFEngine) -> None:
    asked = [Request(ONE, options=("!",)), Request(Prompt(start=STARTS[0] * 3), options=("!",))]
    with layer_raising(engine, MemoryError, above=30), pytest.raises(UserError, match="One request alone does not fit"):
        engine.choose(asked)


def test_other_errors_are_not_taken_for_lack_of_memory(engine: HFEngine) -> None:
    with layer_raising(engine, lambda: RuntimeError("shapes differ")), pytest.raises(RuntimeError, match="shapes"):
        engine.choose(requests(engine))


def test_the_budget_follows_the_memory_that_is_free(
    engine_of: Callable[..., HFEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = engine_of("gemma3").modules
    numbers = 2 * 4 * 2 * 16 + 8 * 32 + 4 * 48

    def budget(free: int) -> int:
        monkeypatch.setattr(memory, "_free_of_cpu", lambda: free)
        return memory.measured_budget(modules)

    enough = 2 * 4 * 4 * numbers
    assert budget(5_000 * enough) == 5_000
    assert budget(10**13) == memory.CEILING["cpu"]
    assert budget(0) == memory.FLOOR


# -- refusals


def vector(engine: HFEngine, *shape: int) -> np.ndarray:
    return np.ones(shape or (engine.modules.width("resid"),), np.float32)


NEURONS = np.array([3, 48])
REFUSED: list[tuple[Callable[[HFEngine], Edit], str]] = [
    (lambda e: Add("resid", 4, vector(e)), "edits layer 4, but the model has layers 0 to 3"),
    (lambda e: Add("resid", -1, vector(e)), "edits layer -1"),
    (lambda e: Add("head_out", 1, vector(e)), "adds 32 numbers at head_out of layer 1, where this model has 64"),
    (lambda e: Add("resid", 1, vector(e, 2, 32)), r"adds a 2x32 array at resid of layer 1 to positions all"),
    (lambda e: Add("resid", 1, vector(e, 2, 32), Positions("front", 3)), "2x32 array .* front-3"),
    (lambda e: Cap(1, NEURONS), "neurons 3 to 48 at mlp_act of layer 1, where this model has 48"),
    (lambda e: Boost(1, NEURONS - 4, vector(e, 2)), "edits neuron -1 at mlp_act of layer 1"),
    (lambda e: Cap(1, np.array([3]), positions=Positions("front", 2)), "caps the first tokens"),
    (lambda e: Add("resid", 1, vector(e) * np.float32("nan")), "at resid of layer 1 that are infinite or nan"),
    (lambda e: Add("resid", 1, vector(e), strength=np.inf), "has the strength inf"),
    (lambda e: Boost(1, NEURONS[:2], vector(e, 3)), "has 3 values for 2 neurons"),
]


@pytest.mark.parametrize(("edit", "said"), REFUSED)
def test_a_steering_that_does_not_fit_the_model_is_refused_before_anything_runs(
    engine: HFEngine, edit: Callable[[HFEngine], Edit], said: str
) -> None:
    steering = Steering((edit(engine),))
    with layer_raising(engine, AssertionError):
        for run in (
            lambda r: engine.choose([replace(r, options=("!",))]),
            lambda r: engine.generate([r], SAMPLING),
            lambda r: engine.capture([r], ["resid"]),
        ):
            with pytest.raises(UserError, match=said):
                run(Request(ONE, steering))


def test_choices_without_options_and_empty_options_are_refused(engine: HFEngine) -> None:
    with pytest.raises(UserError, match="needs options; the request 'I am the life of the party:' has none"):
        engine.choose([Request(ONE, options=("!",)), Request(ONE)])
    with pytest.raises(UserError, match="option of a request is empty: '!', ''"):
        engine.choose([Request(ONE, options=("!", ""))])


def test_nothing_asked_is_nothing_answered(engine: HFEngine) -> None:
    assert list(engine.choose([])) == list(engine.generate([], SAMPLING)) == []
    assert list(engine.batches([])) == []


# -- strength 0


def test_strength_0_is_unsteered_to_the_bit(engine: HFEngine) -> None:
    off = steerings(engine)["everything"].scaled(0.0)
    asked = requests(engine)
    both = [[replace(r, steering=s if r.steering.edits else r.steering) for r in asked] for s in (off, UNSTEERED)]
    assert not off.edits
    assert engine.choose(both[0]) == engine.choose(both[1])
    assert engine.generate(both[0], SAMPLING) == engine.generate(both[1], SAMPLING)


def test_a_request_alone_gets_what_it_gets_among_many(engine: HFEngine) -> None:
    asked = requests(engine)
    for request, together in list(zip(asked, engine.choose(asked), strict=True))[::7]:
        np.testing.assert_allclose(engine.choose([request])[0].logprobs, together.logprobs, atol=1e-5, rtol=1e-5)
