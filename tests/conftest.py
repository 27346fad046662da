"""Puts the toy plug-ins (tests/testkit) on the path, found like any installed package's, and says loudly what
was not tested because the datasets or vLLM are not there."""

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Processes that share the cores must not have as many threads each: waiting for one another, they would be slower.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Such a process is started to ignore interrupts, and the commands that tests interrupt would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

TESTKIT = Path(__file__).parent / "testkit"
sys.path.insert(0, str(TESTKIT))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("real_data") and not os.environ.get("STEERBENCH_DATA"):
        pytest.skip("NOT TESTED, real data: set STEERBENCH_DATA to a folder that holds the datasets")
    if item.get_closest_marker("vllm") and find_spec("vllm") is None:
        pytest.skip("NOT TESTED, vLLM: install one of its extras as docs/install.md says")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The longest file first: where several processes share the tests, none is left with it when the others are done.
    items.sort(key=lambda item: item.path.name != "test_kill.py")
