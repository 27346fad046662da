"""The command line as a user has it: a process of its own, with the toy plug-ins installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
"""Before what is installed: the program that is tested is the one beside the tests."""
TESTKIT = ROOT / "tests" / "testkit"
COMMAND = (sys.executable, "-c", "from steerbench.cli.main import run; run()")


def environment(*folders: Path) -> dict[str, str]:
    path = os.pathsep.join(map(str, (*folders, TESTKIT, ROOT)))
    # Benchmarks are not made among tests that run at once, and a user's are made by none of them.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    return outside | {"PYTHONPATH": path, "COLUMNS": "100", "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}


@pytest.fixture
def steerbench(tmp_path):
    """Runs `steerbench ...` in an empty folder."""

    def call(*arguments, stdin="", path=()):
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=tmp_path,
            env=environment(*path),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=600,
        )

    return call


TOY = ("run", "--task", "toy", "--engine", "toy", "--model", "toy-model", "--budget", "4", "--quiet")


@pytest.fixture
def toy_run(steerbench, tmp_path):
    """Makes a run of the toy task and returns its folder."""

    def call(*arguments):
        done = steerbench(*TOY, *arguments)
        assert done.returncode == 0, done.stderr
        return tmp_path / done.stdout.rstrip().removesuffix(".").rpartition(" in ")[2]

    return call
