"""The engine's time by the time of its arithmetic alone, on one thread.

The floor is measured with the model's own weights and nothing around them: every matrix product of every layer
at the number of rows the engine gives it, attention from each token to those it can see, the head where a
likelihood or a next token is asked. So each weight comes from memory as often as it must. What the engine adds is
norms, rotations, activations, steering, masks, padding, caches and Python. CPU time is compared, rounds alternate.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch.nn.functional import linear

from steerbench.contracts import Prompt, Request, Sampling
from steerbench.contracts.edits import Add
from steerbench.contracts.steering import Steering
from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.hf.forward import Layout
from steerbench.engines.hf.scoring import Batch

MODEL = os.environ.get("STEERBENCH_FLOOR_MODEL", "smollm2-135m")
PEOPLE, ITEMS, BATCH, TOKENS, ROUNDS = 4, 24, 64, 16, 3
LABELS = tuple(
    f" {label}"
    for label in (
        "Very Inaccurate",
        "Moderately Inaccurate",
        "Neither Accurate Nor Inaccurate",
        "Moderately Accurate",
        "Very Accurate",
    )
)


@pytest.fixture
def engine() -> Iterator[HFEngine]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield HFEngine.load(MODEL, dtype="bfloat16", device="cpu", token_budget=16_384)
    torch.set_num_threads(threads)


def heads(engine: HFEngine, person: int) -> Steering:
    """24 of the heads, in layers of their own choice from the first on, as a fit of PAS has."""
    rng = np.random.default_rng(person)
    vectors = np.zeros((engine.layers, engine.heads, engine.width // engine.heads), np.float32)
    chosen = np.concatenate([[0], 1 + rng.permutation(engine.layers * engine.heads - 1)[:23]])
    vectors.reshape(-1, vectors.shape[2])[chosen] = 0.1 * rng.normal(size=(24, vectors.shape[2]))
    edited = sorted(set((chosen // engine.heads).tolist()))
    return Steering(tuple(Add("head_out", layer, vectors[layer].ravel()) for layer in edited))


def asked(engine: HFEngine) -> list[Request]:
    """Statements that several people are asked about, each under their own heads."""
    statements = [f"Feel {n % 7} times as much at ease with {n} people around;" for n in range(ITEMS)]
    return [
        Request(Prompt(start=f"Statements, and how well each of them fits you: {statement}"), steering, LABELS)
        for steering in (heads(engine, person) for person in range(PEOPLE))
        for statement in statements
    ]


def products(engine: HFEngine, rows: int) -> None:
    """Every matrix product of the layers, with `rows` tokens."""
    inputs: dict[int, torch.Tensor] = {}
    for module in projections(engine):
        if module.in_features not in inputs:
            inputs[module.in_features] = torch.randn(rows, module.in_features, dtype=engine.modules.dtype)
        linear(inputs[module.in_features], module.weight)


def projections(engine: HFEngine) -> list[torch.nn.Linear]:
    return [m for layer in engine.modules.layers for m in layer.modules() if isinstance(m, torch.nn.Linear)]


def attention(engine: HFEngine, queries: int, keys: int) -> None:
    """In every layer, so many tokens against the keys that each sees on average: two batched products."""
    heads = engine.heads
    query = torch.randn(heads, queries, engine.width // heads, dtype=engine.modules.dtype)
    key = torch.randn(heads, keys, engine.width // heads, dtype=engine.modules.dtype)
    for _ in engine.modules.layers:
        torch.bmm(torch.bmm(query, key.transpose(1, 2)), key)


def head(engine: HFEngine, places: int, at_once: int) -> None:
    hidden = torch.randn(places, engine.modules.config.hidden_size, dtype=engine.modules.dtype)
    for rows in torch.split(hidden, at_once):
        linear(rows, engine.modules.model.lm_head.weight)


def needed(layout: Layout) -> tuple[int, int, int]:
    """Tokens without padding, the keys they see in all, and the places whose next token is asked."""
    tokens = keys = places = 0
    for group in layout.groups:
        branches = [layout.branches[member] for member in group.members]
        tokens += group.shared + sum(len(one) - group.shared for one in branches)
        keys += group.shared * (group.shared + 1) // 2
        keys += sum(int((one.depths(group.shared) + 1).sum()) for one in branches)
        places += sum(len({place for option in one.scored for place, _ in option}) for one in branches)
    return tokens, keys, places


def cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    with torch.inference_mode():
        work()
    return time.process_time() - started


def compared(benchmark: BenchmarkFixture, engine: Callable[[], object], floor: Callable[[], object]) -> float:
    """Engine by floor: the median of the rounds' ratios, the first round warming up."""
    taken: list[tuple[float, float]] = []

    def both() -> None:
        taken.append((cpu_seconds(engine), cpu_seconds(floor)))

    benchmark.pedantic(both, rounds=ROUNDS, warmup_rounds=1)
    ratio = statistics.median(one / other for one, other in taken[1:])
    benchmark.extra_info |= {
        "ratio": ratio,
        "CPU seconds, engine": statistics.median(one for one, _ in taken[1:]),
        "CPU seconds, floor": statistics.median(other for _, other in taken[1:]),
    }
    return ratio


def test_choosing_takes_at_most_twice_its_arithmetic(benchmark: BenchmarkFixture, engine: HFEngine) -> None:
    requests = asked(engine)
    [everything] = engine.batches(requests)
    branches = engine._branches([requests[i] for i in everything])
    keys = [requests[i].steering.edits_key for i in everything]
    tokens, seen, places = needed(Batch(branches, keys, [requests[i].steering for i in everything]).layout())

    def floor() -> None:
        products(engine, tokens)
        attention(engine, tokens, seen // tokens)
        head(engine, places, 64)

    ratio = compared(benchmark, lambda: engine.choose(requests), floor)
    rate = linear_rate(engine, tokens)
    benchmark.extra_info |= {"tokens": tokens, "keys a token": seen / tokens, "places": places, "GFLOP/s": rate}
    # Measured 1.4 to 1.6 on a busy machine.
    assert ratio <= 2


def test_generating_takes_at_most_twice_its_arithmetic(benchmark: BenchmarkFixture, engine: HFEngine) -> None:
    requests = [Request(Prompt(start=f"On day {n} of the journey we"), heads(engine, n)) for n in range(BATCH)]
    prompts = [len(engine.tokenize(request.prompt)) for request in requests]
    # A batch is computed until its last request ends.
    assert max(one.tokens for one in engine.generate(requests, Sampling(TOKENS))) == TOKENS
    shared, size = engine.modules.config.num_key_value_heads, engine.width // engine.heads
    query = torch.randn(BATCH * shared, engine.heads // shared, size, dtype=engine.modules.dtype)
    key = torch.randn(BATCH * shared, max(prompts) + TOKENS // 2, size, dtype=engine.modules.dtype)

    def floor() -> None:
        products(engine, sum(prompts))
        head(engine, BATCH, BATCH)
        for _ in range(TOKENS - 1):
            products(engine, BATCH)
            for _ in engine.modules.layers:
                torch.bmm(torch.bmm(query, key.transpose(1, 2)), key)
            head(engine, BATCH, BATCH)

    ratio = compared(benchmark, lambda: engine.generate(requests, Sampling(TOKENS)), floor)
    alone = statistics.median(cpu_seconds(lambda: products(engine, 1)) for _ in range(5))
    together = statistics.median(cpu_seconds(lambda: products(engine, BATCH)) for _ in range(5))
    benchmark.extra_info |= {
        "tokens": BATCH * TOKENS,
        "GFLOP/s, decoding": linear_rate(engine, BATCH),
        # At 1 decoding would be bound by reading the weights, at BATCH by multiplying.
        f"time of {BATCH} rows by that of one": together / alone,
    }
    # Measured 1.4 to 1.6 on a busy machine.
    assert ratio <= 2


def linear_rate(engine: HFEngine, rows: int) -> float:
    """GFLOP/s of the layers' products."""
    numbers = sum(module.weight.numel() for module in projections(engine))
    taken = statistics.median(cpu_seconds(lambda: products(engine, rows)) for _ in range(3))
    return float(2 * rows * numbers / taken / 1e9)
