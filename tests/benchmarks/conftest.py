"""Benchmarks compare times side by side in one run, which other tests at the same time would spoil."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        alone = pytest.mark.skip(reason="NOT TESTED, benchmarks: run pytest tests/benchmarks, without -n")
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(alone)
