"""What steering costs a forward pass when every row is under another one.

The fair comparison computes the same tokens in the same rows. Every group of requests has a prompt of its
own, so groups are the same with and without steering, and no layer can be shared between groups; the
unsteered side is really unsteered, with no hook at all. (A vector of zeros added in the last layer would
keep the groups apart too, but then all layers below it would be shared.) Both alternate in one process, on
one thread, and CPU time is compared rather than the clock, which other processes on the machine would move.
"""

import resource
import statistics
import time
from collections.abc import Iterator, Sequence

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from steerbench.contracts import Prompt, Request
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.hf.engine import HFEngine
from tests.benchmarks.steerings import heads

PEOPLE, ITEMS, ROUNDS = 8, 8, 7
LABELS = (" Very Inaccurate", " Moderately Inaccurate", " Moderately Accurate", " Very Accurate")


@pytest.fixture
def engine() -> Iterator[HFEngine]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield HFEngine.load("smollm2-135m", dtype="bfloat16", device="cpu")
    torch.set_num_threads(threads)


def asked(steerings: Sequence[Steering]) -> list[Request]:
    """Some items for each person, whose own answers stand before them."""
    return [
        Request(
            Prompt(start=f"Person {n}" + "".join(f"; statement {k}: {LABELS[(k * n) % 4]}" for k in range(8)) + end),
            steering,
            LABELS,
        )
        for n, steering in enumerate(steerings)
        for end in (f"; doubt {item}:" for item in range(ITEMS))
    ]


def test_a_steering_of_its_own_for_every_row_costs_a_forward_pass_under_five_percent(
    benchmark: BenchmarkFixture, engine: HFEngine
) -> None:
    steered = asked([heads(engine, person) for person in range(PEOPLE)])
    plain = asked([UNSTEERED] * PEOPLE)
    assert engine.batches(steered) == engine.batches(plain)
    assert len({request.steering.edits_key for request in steered}) == PEOPLE
    seconds: dict[str, list[float]] = {"steered": [], "unsteered": []}

    def both() -> None:
        for name, requests in (("steered", steered), ("unsteered", plain)):
            started = time.process_time()
            engine.choose(requests)
            seconds[name].append(time.process_time() - started)

    benchmark.pedantic(both, rounds=ROUNDS, warmup_rounds=1)
    medians = {name: statistics.median(taken[1:]) for name, taken in seconds.items()}  # the first warmed up
    ratio = medians["steered"] / medians["unsteered"]
    benchmark.extra_info |= {
        "ratio": ratio,
        **{f"CPU seconds, {name}": median for name, median in medians.items()},
        "requests": len(plain),
        "rows": PEOPLE,
        "peak memory, bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    assert ratio <= 1.05
