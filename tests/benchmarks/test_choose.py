"""Calibrating and evaluating, against the papers' loop: how much of the work need not be done.

The loop generates fifteen tokens for every item from its whole prompt, in batches of ten, one respondent
and one strength at a time. Both sides ask the same people under the same steerings on the same
model; the loop is timed on a few items and compared by the item.

What is left to compute of an item is its own tokens: some 20 for `label`, some 60 for `letter`, whose options stand
after the statement and so cannot be shared between items. That bounds how much faster `letter` can be.
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
from steerbench.contracts.steering import Steering
from steerbench.engines.hf.edits import compile_tables, steered
from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.hf.forward_rows import ForwardRows
from steerbench.plugins.finding import find
from tasks.papi.task import PAPI

STRENGTHS = (2.0, 4.0, 8.0)
LOOPED = 20
"""Items the loop is timed on."""


@cache
def engine() -> HFEngine:
    return HFEngine.load("smollm2-135m")


def loop(requests: Sequence[Request]) -> list[str]:
    """Ten requests at a time, as the published code generates. All are under one steering.

    The prompts' common length is run at once, with logits of every position; from there on one column at a
    time, a prompt's own token as long as it has one, else the likeliest, until all have fifteen.
    """
    model, tokenizer = engine().loaded.model, engine().loaded.tokenizer
    tables = compile_tables([requests[0].steering], engine().modules)
    texts = []
    for start in range(0, len(requests), 10):
        prompts = [list(engine().tokenize(request.prompt)) for request in requests[start : start + 10]]
        frame = ForwardRows(steering=tables.lines([requests[0].steering] * len(prompts), torch.device("cpu")))
        longest = max(map(len, prompts)) + 15
        tokens = torch.tensor([p + [tokenizer.eos_token_id] * (longest - len(p)) for p in prompts])
        lengths = torch.tensor([len(p) for p in prompts])
        before, now, cache = 0, int(lengths.min()), None
        with torch.inference_mode(), steered(engine().modules, tables, frame):
            while now < longest:
                out = model(tokens[:, before:now], past_key_values=cache, use_cache=True)
                likeliest = out.logits[:, -1].argmax(-1)
                tokens[:, now] = torch.where(lengths > now, tokens[:, now], likeliest)
                before, now, cache = now, now + 1, out.past_key_values
        texts += tokenizer.batch_decode([row[n:] for row, n in zip(tokens, lengths, strict=True)])
    return texts


def steered_people(task: PAPI, count: int) -> list[tuple[Any, Steering]]:
    """The first respondents under the published method: their list in the prompt, their heads edited."""
    targets = task.targets(Split.TEST)[:count]
    fits = find("method", "pas")(variant="published").fit(engine(), targets)
    return list(zip(targets, fits, strict=True))


@pytest.mark.real_data
@pytest.mark.parametrize(("readout", "at_least"), [("label", 40), ("letter", 15)])
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
