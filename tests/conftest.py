"""Puts the toy plug-ins (tests/testkit) on the path, found like any installed package's, opens a browser for tests of
pages, and says loudly what was not tested because the datasets, vLLM or a browser are not there."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

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
        pytest.skip("NOT TESTED, vLLM: install one of its extras as docs/how-to/install.md says")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser, where there is one. Of a module: while it is open, nothing else can run an event loop."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None or find_spec("playwright") is None:
        pytest.skip("NOT TESTED, pages in a browser: install chromium, and playwright from the extra test")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The longest file first: where several processes share the tests, none is left with it when the others are done.
    items.sort(key=lambda item: item.path.name != "test_kill.py")
