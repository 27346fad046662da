"""Batches: all requests once, within the budget, and the same again when one of them is asked alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerbench.contracts import Sampling
from steerbench.engines.branches import Branch, branch, group, packed
from steerbench.engines.hf.batching import GENERATION, GENERATION_ROOM, HEADROOM, SCORING, BatchMeasure, split
from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.hf.packing import pack
from tests.engines.situations import LABELS, requests

FEW = st.integers(0, 2)
SHORT = st.lists(st.lists(FEW, min_size=1, max_size=4), max_size=3)
PROMPT = st.builds(lambda start, end: [5] * start + end, st.integers(0, 40), st.lists(FEW, min_size=1, max_size=8))
ASKED = st.lists(st.tuples(PROMPT, SHORT, FEW), min_size=1, max_size=25)
BOTH = pytest.mark.parametrize("measure", [SCORING, GENERATION], ids=["scoring", "generation"])


def batches_of(asked: Any, measure: BatchMeasure, budget: int) -> tuple[list[Branch], list[int], list[list[int]]]:
    branches = [branch(packed(prompt), options if measure is SCORING else ()) for prompt, options, _ in asked]
    keys = [key for *_, key in asked]
    return branches, keys, split(branches, keys, keys, measure, budget)


def computed(branches: list[Branch], keys: list[int], measure: BatchMeasure) -> float:
    """Tokens of one batch, counted on what is laid out."""
    groups = group(branches, keys)
    longest = max(g.shared for g in groups)
    if measure is SCORING:
        rows = [pack(g, branches).tokens for g in groups]
        prefixes = sum(g.shared > 0 for g in groups)
        return prefixes * longest + sum(map(len, rows)) * max(r.shape[1] for r in rows)
    own = max(len(branches[m]) - g.shared for g in groups for m in g.members)
    return len(branches) * (longest + own + HEADROOM) // GENERATION_ROOM


@BOTH
@given(asked=ASKED, budget=st.integers(1, 600))
def test_every_request_is_in_one_batch_that_fits_or_is_alone(asked: Any, measure: BatchMeasure, budget: int) -> None:
    branches, keys, batches = batches_of(asked, measure, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(asked)))
    for batch in batches:
        size = computed([branches[i] for i in batch], [keys[i] for i in batch], measure)
        assert size <= budget or len(batch) == 1


@BOTH
@given(asked=ASKED, budget=st.integers(1, 600))
def test_a_batch_asked_alone_is_one_batch_in_the_same_order(asked: Any, measure: BatchMeasure, budget: int) -> None:
    *_, batches = batches_of(asked, measure, budget)
    for batch in batches:
        *_, again = batches_of([asked[i] for i in batch], measure, budget)
        assert again == [list(range(len(batch)))]


@BOTH
def test_what_fits_is_one_batch_and_twice_the_budget_at_most_twice_as_many(measure: BatchMeasure) -> None:
    asked = [([7] * 300 + [n], [[1, 2]], n % 3) for n in range(90)]
    sizes = {budget: len(batches_of(asked, measure, budget)[-1]) for budget in (1_000, 2_000, 100_000)}
    assert sizes[100_000] == 1
    assert sizes[2_000] <= sizes[1_000] <= 3 * sizes[2_000]


def test_requests_first_edited_in_the_same_layer_come_together() -> None:
    branches = [branch(packed([n] * 50), ()) for n in range(40)]
    layers = [n % 4 for n in range(40)]
    batches = split(branches, list(range(40)), layers, SCORING, 500)
    assert [sorted({layers[i] for i in batch}, reverse=True) for batch in batches] == [[3], [2], [1], [0]]


@pytest.mark.parametrize("options", [(" Very Accurate", " Very Inaccurate"), ()])
def test_batches_are_the_same_every_time_and_run_alone_give_the_same_bits(
    engine: HFEngine, options: tuple[str, ...]
) -> None:
    asked = requests(engine, options)
    run: Callable[..., Any] = (
        engine.choose if options else lambda part: engine.generate(part, Sampling(max_new_tokens=3, temperature=1.0))
    )
    together, batches = run(asked), engine.batches(asked)
    assert engine.batches(asked) == batches
    assert len(batches) > 2
    for batch in batches:
        assert run([asked[i] for i in batch]) == [together[i] for i in batch]


def test_the_same_requests_twice_give_the_same_bits(engine: HFEngine) -> None:
    asked = requests(engine)
    assert engine.choose(asked) == engine.choose(asked)


@pytest.mark.parametrize(
    "run",
    [
        lambda e: e.choose(requests(e)),
        lambda e: e.capture([replace(r, options=LABELS) for r in requests(e)], ["resid"]),
        lambda e: e.capture(requests(e, ()), ["resid"]),
        lambda e: e.capture(requests(e, ()), ["resid"], front=5),
    ],
    ids=["choose", "capture options", "capture prompts", "capture front"],
)
def test_no_more_tokens_pass_a_layer_at_once_than_the_budget_has(
    engine: HFEngine, run: Callable[[HFEngine], Any]
) -> None:
    engine.token_budget = 200
    passed: list[int] = []
    layer = engine.modules.layers[0]
    handle = layer.register_forward_pre_hook(lambda _, args: passed.append(args[0].shape[0] * args[0].shape[1]))
    run(engine)
    handle.remove()
    assert 100 < max(passed) <= 200
