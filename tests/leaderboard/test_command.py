"""`steerbench site build` as a user calls it, joined to the command line by its entry point."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leaderboard.made_up import run, write


@pytest.fixture
def steerbench(tmp_path: Path):
    information = tmp_path / "installed" / "site-1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: site\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[steerbench.commands]\nsite = leaderboard.command:app\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "installed"), "COLUMNS": "100"}

    def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
        program = [sys.executable, "-c", "from steerbench.cli.main import run; run()", *arguments]
        return subprocess.run(program, env=environment, cwd=tmp_path, capture_output=True, text=True)

    return call


def test_a_site_is_built_and_it_is_said_where(tmp_path, steerbench):
    write(tmp_path / "leaderboard" / "results", run("one"), run("two", task="personalitybench"))
    done = steerbench("site", "build")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 runs on 2 boards. Open site/index.html.\n"
    assert (tmp_path / "site" / "index.html").is_file()


def test_without_results_one_sentence_says_what_to_do(tmp_path, steerbench):
    done = steerbench("site", "build", "--results", "nowhere")
    assert done.returncode == 2
    assert done.stderr == "error: There is no folder nowhere; publish a run first, or name the folder with --results.\n"
    assert not (tmp_path / "site").exists()


def test_help_loads_nothing_that_a_build_needs(steerbench):
    done = steerbench("--help")
    assert "The site of published results" in done.stdout
    program = "import sys, leaderboard.command; print([m for m in ('jinja2', 'numpy', 'pydantic') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"
