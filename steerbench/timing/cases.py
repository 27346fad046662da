"""What pytest-benchmark runs: each side of each round is one case. Collected by `steerbench.timing.session` only."""

import gc

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from steerbench.timing import memory
from steerbench.timing.session import Conductor, RoundSide


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    steps = metafunc.config.stash[Conductor.steps]
    metafunc.parametrize("step", steps, ids=[step.id for step in steps])


def test_side(benchmark: BenchmarkFixture, step: RoundSide, pytestconfig: pytest.Config) -> None:
    work = step.work()
    resettable = False

    def start() -> None:
        nonlocal resettable
        gc.collect()
        resettable = memory.start_peak()

    warm_up = 1 if step.warms_up else 0
    said = benchmark.pedantic(work.do, setup=start, rounds=1, warmup_rounds=warm_up)  # type: ignore[no-untyped-call]
    benchmark.group = f"{step.load.group}, {step.load.engine}"
    benchmark.extra_info |= pytestconfig.stash[Conductor.about] | {
        **step.info(),
        "requests": len(work.requests),
        "prompt_tokens": pytestconfig.stash[Conductor.count_tokens](step.load.engine, work.requests),
        "generated_tokens": sum(one.tokens for one in said),
        "peak_memory_bytes": memory.peak() if resettable else None,
    }
