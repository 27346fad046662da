"""What serving does to requests (batches, cached prefixes, chunks, waves) does nothing to their answers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from steerbench.contracts import Choice, Prompt, Request, Sampling
from steerbench.contracts.edits import Add, Positions
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.vllm.engine import VLLMEngine
from steerbench.engines.vllm.slots import SlotBook
from steerbench.errors import UserError
from tests.engines.situations import LABELS, requests, steerings
from tests.engines.vllm.conftest import ROWS

pytestmark = pytest.mark.vllm

GREEDY = Sampling(max_new_tokens=8)
DRAWN = replace(GREEDY, temperature=1.0, seed=3)
LONG = Prompt(start="I am the life of the party: Very Accurate; " * 9)
"""Several blocks of the cache."""

Engines = Callable[..., VLLMEngine]


@pytest.fixture
def engine(vllm_of: Engines) -> VLLMEngine:
    return vllm_of("llama")


@pytest.fixture
def hf(hf_of: Callable[[str], HFEngine]) -> HFEngine:
    return hf_of("llama")


@pytest.fixture
def small_book(engine: VLLMEngine) -> Iterator[Callable[[int], None]]:
    """Lets the engine use but a few of its tables' rows."""

    def limit(rows: int) -> None:
        engine.client.book = SlotBook(rows)

    yield limit
    limit(ROWS)


@contextmanager
def watched(engine: VLLMEngine) -> Iterator[list[list[int]]]:
    """By wave, how many tokens of each request came from the cache."""
    waves: list[list[int]] = []
    original = engine.client.llm.generate

    def generate(*given: Any, **how: Any) -> Any:
        outputs = original(*given, **how)
        waves.append([output.num_cached_tokens for output in outputs])
        return outputs

    engine.client.llm.generate = generate
    try:
        yield waves
    finally:
        del engine.client.llm.generate


def same(ours: Sequence[Choice], theirs: Sequence[Choice], tolerance: float = 1e-4) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.logprobs, other.logprobs, atol=tolerance, rtol=0)


def pushes(count: int) -> list[Steering]:
    """Different steerings of one row each."""
    rng = np.random.default_rng(0)
    return [Steering((Add("resid", n % 4, rng.normal(size=32).astype(np.float32)),)) for n in range(count)]


def test_a_request_alone_is_answered_as_in_a_mixed_batch_of_64(engine: VLLMEngine, hf: HFEngine) -> None:
    asked = requests(hf)[:64]
    assert len({request.steering.edits_digest for request in asked}) > 10
    same([engine.choose([request])[0] for request in asked[::4]], engine.choose(asked)[::4])
    together = engine.generate(asked, GREEDY)[::4]
    assert [engine.generate([request], GREEDY)[0] for request in asked[::4]] == list(together)


def test_answers_come_in_the_order_of_the_requests(engine: VLLMEngine, hf: HFEngine) -> None:
    asked = requests(hf)[:40]
    same(engine.choose(asked[::-1]), list(engine.choose(asked))[::-1])
    assert list(engine.generate(asked[::-1], GREEDY)) == list(engine.generate(asked, GREEDY))[::-1]


def test_the_prefix_cache_is_used_and_changes_nothing(engine: VLLMEngine, vllm_of: Engines, hf: HFEngine) -> None:
    asked = [*requests(hf), *(Request(LONG, s, LABELS) for s in (*steerings(hf).values(), UNSTEERED) for _ in "ab")]
    without = vllm_of("llama", prefix_caching=False)
    with watched(engine) as cached, watched(without) as never:
        same(engine.choose(asked), without.choose(asked))
        assert list(engine.generate(asked, GREEDY)) == list(without.generate(asked, GREEDY))
    assert sum(map(sum, cached)) > 1000
    assert not sum(map(sum, never))


def test_prompts_computed_in_chunks_give_the_same(engine: VLLMEngine, vllm_of: Engines, hf: HFEngine) -> None:
    """No step has room for a whole long prompt, nor for what is captured and counted in it."""
    chunked = vllm_of("llama", batched_tokens=48, prefix_caching=False)
    asked = [*requests(hf), *(Request(LONG, steering, LABELS) for steering in steerings(hf).values())]
    assert len(engine.tokenize(LONG)) > 2 * 48
    same(engine.choose(asked), chunked.choose(asked))
    assert list(engine.generate(asked, GREEDY)) == list(chunked.generate(asked, GREEDY))
    long = asked[-8:]
    for front in (0, 60):
        whole, parts = (one.capture(long, ["head_out", "mlp_act", "resid"], front) for one in (engine, chunked))
        for site, values in whole.items():
            np.testing.assert_allclose(parts[site], values, atol=2e-4, rtol=1e-5)
    (_, one), (_, other) = (e.survey(long, GREEDY, [n % 2 for n in range(8)]) for e in (engine, chunked))
    assert one.tokens.tolist() == other.tokens.tolist()
    assert np.abs(one.positive - other.positive).max() <= 1


def test_two_steerings_of_one_prompt_share_no_block_and_one_steering_does(engine: VLLMEngine) -> None:
    one, other = pushes(2)
    with watched(engine) as waves:
        engine.choose([Request(LONG, steering, ("!",)) for steering in (UNSTEERED, one, other, UNSTEERED, one)])
    [cached] = waves
    assert cached[:3] == [0, 0, 0]
    assert min(cached[3:]) >= 64


def test_without_salt_the_answers_would_be_wrong(engine: VLLMEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which shows that the test before this one, and the salt, are needed."""
    asked = [Request(LONG, steering, ("!",)) for steering in (UNSTEERED, *pushes(3))]
    right = engine.choose(asked)
    original = engine.client.llm.generate

    def unsalted(prompts: Any, *more: Any, **how: Any) -> Any:
        return original([{**prompt, "cache_salt": None} for prompt in prompts], *more, **how)

    monkeypatch.setattr(engine.client.llm, "generate", unsalted)
    wrong = engine.choose(asked)
    assert wrong[0].logprobs == pytest.approx(right[0].logprobs, abs=1e-4)
    assert max(abs(w.logprobs[0] - r.logprobs[0]) for w, r in zip(wrong[1:], right[1:], strict=True)) > 0.05


def test_more_steerings_than_the_tables_hold_take_turns(
    engine: VLLMEngine, hf: HFEngine, small_book: Callable[[int], None]
) -> None:
    asked = [Request(Prompt(start=f"I am {n} of"), steering, LABELS) for n, steering in enumerate(pushes(10))]
    expected, texts = hf.choose(asked), hf.generate(asked, GREEDY)
    small_book(3)
    with watched(engine) as waves:
        same(engine.choose(asked), expected)
        # Those of the last wave are still there, the others are put back into the places of others.
        assert list(engine.generate(asked, GREEDY)) == list(texts)
        same(engine.choose(asked[::-1]), list(expected)[::-1])
    assert len(waves) == 12


def test_captures_and_counts_are_whole_when_steerings_take_turns(
    engine: VLLMEngine, hf: HFEngine, small_book: Callable[[int], None]
) -> None:
    asked = [Request(Prompt(start=f"I am {n} of"), steering) for n, steering in enumerate(pushes(7))]
    small_book(2)
    np.testing.assert_allclose(
        engine.capture(asked, ["resid"])["resid"], hf.capture(asked, ["resid"])["resid"], atol=2e-4, rtol=1e-5
    )
    (texts, ours), (expected, theirs) = (e.survey(asked, GREEDY, [0, 1, 0, 1, 0, 1, 2]) for e in (engine, hf))
    assert list(texts) == list(expected)
    assert ours.tokens.tolist() == theirs.tokens.tolist()


def test_a_steering_with_more_rows_than_the_tables_is_refused_and_the_next_is_served(
    engine: VLLMEngine, small_book: Callable[[int], None]
) -> None:
    small_book(3)
    rows = np.random.default_rng(0).normal(size=(13, 32)).astype(np.float32)
    large = Steering((Add("resid", 0, rows, Positions("front", 13)),))
    with pytest.raises(UserError, match="needs 13 rows in a table of 12"):
        engine.choose([Request(LONG, large, ("!",))])
    assert engine.choose([Request(LONG, pushes(1)[0], ("!",))])


@pytest.mark.parametrize("sampling", [GREEDY, DRAWN], ids=["greedy", "drawn"])
def test_the_same_batch_again_gives_the_same_bits_in_bfloat16(
    vllm_of: Engines, hf: HFEngine, sampling: Sampling
) -> None:
    """Whatever was asked in between."""
    engine, asked = vllm_of("llama", dtype="bfloat16"), requests(hf)
    first, texts = engine.choose(asked), engine.generate(asked, sampling)
    engine.choose([Request(LONG, steering, LABELS) for steering in pushes(9)])
    assert engine.choose(asked) == first
    assert engine.generate(asked, sampling) == texts


def test_drawn_texts_are_those_of_their_seed(engine: VLLMEngine) -> None:
    """Also where one prompt is asked several times, and whatever else is in the batch."""
    asked = [Request(Prompt(start="I am the life of"), steering) for steering in (*pushes(4), UNSTEERED, UNSTEERED)]
    texts = list(engine.generate(asked, DRAWN))
    assert list(engine.generate(asked, DRAWN)) == texts
    assert list(engine.generate(asked[3:5], DRAWN)) == texts[3:5]
    assert texts[4] != texts[5]
    others = list(engine.generate(asked, replace(DRAWN, seed=4)))
    assert sum(one != other for one, other in zip(texts, others, strict=True)) >= 5
