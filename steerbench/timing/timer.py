"""Clocks for pytest-benchmark's `--benchmark-timer`, by name; they synchronise the device before reading."""

import time

from steerbench.timing import accelerator


def wall() -> float:
    _synchronise()
    return time.perf_counter()


def cpu() -> float:
    """CPU seconds of all threads of this process; other load on the machine hardly affects it."""
    _synchronise()
    return time.process_time()


def _synchronise() -> None:
    if accelerator.in_use():
        import torch

        torch.cuda.synchronize()
