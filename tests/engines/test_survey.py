"""Neuron statistics, against a plain forward over each answer, counting in numpy and sorted percentiles."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from steerbench.contracts import NeuronStatistics, Prompt, Request, Sampling
from steerbench.contracts.steering import UNSTEERED
from steerbench.engines import histograms as histograms_module
from steerbench.engines.hf import engine as engine_module
from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.histograms import BINS, bins_of
from tests.engines import oracle
from tests.engines.situations import ENDS, STARTS, steerings

Engines = Callable[..., HFEngine]
GREEDY = Sampling(max_new_tokens=9)


def expected(
    engine: HFEngine, requests: Sequence[Request], groups: Sequence[int], count: int, stops: Sequence[int]
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Tokens [groups], positive and 95th percentile [groups, layers, neurons], one request at a time."""
    seen: dict[int, list[np.ndarray]] = {group: [] for group in range(max(groups) + 1)}
    for request, group in zip(requests, groups, strict=True):
        prompt = oracle.ids_of(engine.loaded, request.prompt)
        answer = oracle.greedy(engine.loaded, request, count, stops)
        read = oracle.values(engine.loaded, prompt + answer[:-1], len(prompt), request.steering, "mlp_act")
        seen[group] += list(read[len(prompt) :])
    stacked = [np.stack(seen[group]) for group in sorted(seen)]
    positive = np.stack([(one > 0).sum(0) for one in stacked])
    p95 = np.stack([np.sort(one, axis=0)[int(np.ceil(0.95 * len(one) - 1e-9)) - 1] for one in stacked])
    return [len(one) for one in stacked], positive, p95


def check(statistics: NeuronStatistics, tokens: list[int], positive: np.ndarray, p95: np.ndarray) -> None:
    assert statistics.tokens.tolist() == tokens
    # An activation within rounding of 0 may fall on either side of it.
    apart = np.abs(statistics.positive - positive)
    assert apart.max() <= 1
    assert apart.mean() < 1e-4
    within = (p95 >= 2.0**-7) & (p95 < 2.0**5)
    assert within.mean() > 0.3
    np.testing.assert_allclose(statistics.p95[within], p95[within], rtol=statistics.p95_error + 1e-4)
    below = p95 < 2.0**-7
    assert (statistics.p95[below] < 2.0**-7 * 1.07).all()
    assert ((statistics.p95 == 0) == (20 * positive <= np.array(tokens)[:, None, None]))[apart == 0].all()


def asked(engine: HFEngine) -> tuple[list[Request], list[int]]:
    """Steered and plain rows in three groups, in no order."""
    known = steerings(engine)
    chosen = (UNSTEERED, known["neurons"], known["neurons in decode"], known["everything"])
    prompts = [Prompt(start=start + end) for start in STARTS for end in ENDS]
    requests = [Request(prompt, chosen[n % 4]) for n, prompt in enumerate(prompts * 3)]
    return requests, [(n * 5) % 3 for n in range(len(requests))]


@pytest.mark.parametrize(("name", "budget"), [("llama", 20_000), ("llama", 600), ("gemma3", 20_000)])
def test_statistics_are_those_of_a_plain_forward_whatever_the_batches(
    engine_of: Engines, name: str, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers end at different lengths, because a frequent token is made a stop token; the buffer fills in between."""
    engine = engine_of(name, token_budget=budget)
    requests, groups = asked(engine)
    assert (len(engine.batches(requests)) > 1) == (budget == 600)
    stop = oracle.greedy(engine.loaded, requests[0], 9, ())[4]
    engine.tokens.stops = [2, stop]
    monkeypatch.setattr(histograms_module, "BUFFERED", {"cpu": 40})
    completions, statistics = engine.survey(requests, GREEDY, groups)
    assert {one.finish for one in completions} == {"stop", "length"}
    assert list(completions) == list(engine.generate(requests, GREEDY))
    assert statistics.tokens.sum() == sum(one.tokens - 1 for one in completions)
    check(statistics, *expected(engine, requests, groups, 9, [2, stop]))


def test_statistics_of_the_embedded_model_are_those_of_a_plain_forward() -> None:
    engine = HFEngine.load("smollm2-135m", dtype="float32", device="cpu")
    requests = [
        Request(Prompt((("user", f"Name {what}, and say why in a few words."),)))
        for what in ("a colour", "a city", "a fruit that is red", "an animal")
    ]
    groups, stops = [1, 0, 1, 0], sorted({engine.loaded.tokenizer.eos_token_id})
    stops.append(oracle.greedy(engine.loaded, requests[0], 6, stops)[-1])
    engine.tokens.stops = stops
    completions, statistics = engine.survey(requests, Sampling(max_new_tokens=8), groups)
    assert len({one.tokens for one in completions}) > 1
    check(statistics, *expected(engine, requests, groups, 8, stops))


def test_a_batch_that_ran_out_of_memory_is_counted_once(engine_of: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    requests, groups = asked(engine_of("llama"))
    _, whole = engine_of("llama", token_budget=20_000).survey(requests, GREEDY, groups)
    original, failures = engine_module.generate, [2]

    def failing(*arguments: Any) -> Any:
        """Runs out of memory after everything is generated."""
        completions = original(*arguments)
        if failures[0]:
            failures[0] -= 1
            raise MemoryError
        return completions

    monkeypatch.setattr(engine_module, "generate", failing)
    _, again = engine_of("llama", token_budget=20_000).survey(requests, GREEDY, groups)
    assert failures == [0]
    assert (again.tokens == whole.tokens).all()
    assert np.abs(again.positive - whole.positive).mean() < 1e-3
    np.testing.assert_allclose(again.p95, whole.p95, rtol=2 * whole.p95_error + 1e-3)


def test_what_is_read_of_no_answer_is_counted_as_nothing(engine: HFEngine) -> None:
    """The only token of an answer is never read; group 0 has no request at all."""
    _, statistics = engine.survey([Request(Prompt(start="I am"))], Sampling(max_new_tokens=1), [1])
    assert statistics.tokens.tolist() == [0, 0]
    assert not statistics.positive.any()
    assert not statistics.p95.any()
    completions, statistics = engine.survey([], GREEDY, [])
    assert (list(completions), statistics.positive.shape) == ([], (0, engine.layers, 48))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_bins_are_sixteen_an_octave_and_only_what_is_not_positive_is_in_the_first(dtype: torch.dtype) -> None:
    """The same edges in every type: 2^-7, each sixteenth of its octave, and so on up to 2^5."""
    edges = [2.0**octave * (1 + step / 16) for octave in range(-7, 5) for step in range(16)]
    x = torch.linspace(-1, 6, 5000).exp2() * torch.tensor([1.0, 0.001]).repeat(2500)
    x = torch.cat([x, -x, torch.tensor([0.0, -0.0, 1e-6, 31.9, 32.0, 1000.0, *edges])]).to(dtype)
    found = bins_of(x)
    counted = [0 if v <= 0 else max(1, sum(edge <= v for edge in edges)) for v in x.tolist()]
    assert found.tolist() == counted
    assert (max(counted), BINS) == (192, 193)
