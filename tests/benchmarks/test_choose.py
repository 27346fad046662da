"""Calibrating and evaluating, against the papers' loop: how much of the work need not be done.

The loop generates fifteen tokens for every item from its whole prompt, in padded batches of ten, one
respondent and one strength at a time. Both sides ask the same people under the same steerings on the same
model; the loop is timed on a few items and compared by the item.
"""

import resource
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from steerbench.contracts import Request, Split
from steerbench.engines.hf.edits import Frame, compile_tables, steered
from steerbench.engines.hf.engine import HFEngine
from steerbench.plugins import find
from steerbench.steering import Steering
from tasks.papi.task import PAPI

STRENGTHS = (1.0, 2.0, 4.0, 6.0, 8.0)
LOOPED = 20
"""Items the loop is timed on."""


@cache
def engine() -> HFEngine:
    return HFEngine.load("smollm2-135m")


def loop(requests: Sequence[Request]) -> list[str]:
    """Ten requests at a time: pad, generate, decode. All are under one steering."""
    model, tokenizer = engine().loaded.model, engine().loaded.tokenizer
    tables = compile_tables([requests[0].steering], engine().modules)
    frame = Frame(steering=tables.lines([requests[0].steering] * 10, torch.device("cpu")))
    texts = []
    for start in range(0, len(requests), 10):
        prompts = [list(engine().tokenize(request.prompt)) for request in requests[start : start + 10]]
        longest = max(map(len, prompts))
        ids = torch.tensor([[tokenizer.eos_token_id] * (longest - len(p)) + p for p in prompts])
        mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
        with torch.inference_mode(), steered(engine().modules, tables, frame):
            out = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=15, do_sample=False)
        texts += tokenizer.batch_decode(out[:, longest:])
    return texts


def steered_people(task: PAPI, count: int) -> list[tuple[Any, Steering]]:
    """The first respondents under the published method: their list in the prompt, their heads edited."""
    targets = task.targets(Split.TEST)[:count]
    fits = find("method", "pas")(variant="published").fit(engine(), targets)
    return list(zip(targets, fits, strict=True))


@pytest.mark.real_data
@pytest.mark.parametrize(("readout", "at_least"), [("label", 40), ("letter", 40)])
def test_calibrating_and_evaluating_is_many_times_the_papers_loop(
    benchmark: BenchmarkFixture, readout: str, at_least: float
) -> None:
    task = PAPI("papi-300", readout=readout, respondents=1)
    [(target, fitted)] = steered_people(task, 1)
    items = task.items(target, Split.TEST)
    ours = [task.request(item, target, fitted.scaled(s)) for s in STRENGTHS for item in items]
    theirs_task = PAPI("papi-300", readout="generate", respondents=1)
    theirs = [theirs_task.request(item, target, fitted.scaled(4.0)) for item in items[:LOOPED]]

    started = time.perf_counter()
    loop(theirs)
    per_item_looped = (time.perf_counter() - started) / len(theirs)
    benchmark.pedantic(engine().choose, args=(ours,), rounds=1, iterations=1)
    per_item = benchmark.stats.stats.min / len(ours)

    ratio = per_item_looped / per_item
    benchmark.extra_info |= {
        "ratio": ratio,
        "seconds per item, loop": per_item_looped,
        "seconds per item": per_item,
        "items": len(ours),
        "peak memory, bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    assert ratio >= at_least
