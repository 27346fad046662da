"""Clocks for pytest-benchmark's `--benchmark-timer`, by name: read when the device has done all it was given."""

import time

from steerbench.timing import accelerator


def wall() -> float:
    _synchronise()
    return time.perf_counter()


def cpu() -> float:
    """CPU seconds of this process, all threads: what others do on the machine moves it little."""
    _synchronise()
    return time.process_time()


def _synchronise() -> None:
    if accelerator.in_use():
        import torch

        torch.cuda.synchronize()
