"""Commands that other packages bring, installed the way a package is."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import environment

PROGRAM = "from steerbench.cli.main import run; run()"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An installed package: one command that greets, one whose module cannot be imported, one with a name of ours."""
    (tmp_path / "greeting.py").write_text(
        "import typer\napp = typer.Typer()\n@app.command()\ndef greet(name: str) -> None:\n"
        '    """Say hello."""\n    print("hello", name)\n'
    )
    (tmp_path / "broken.py").write_text("import no_such_module\n")
    information = tmp_path / "greeting-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: greeting\nVersion: 1\n")
    (information / "entry_points.txt").write_text(
        "[steerbench.commands]\ngreet = greeting:app\nbroken = broken:app\nlist = greeting:app\n"
    )
    return tmp_path


def steerbench(package: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], env=environment(package), capture_output=True, text=True
    )


def test_a_package_brings_a_command(package):
    done = steerbench(package, "greet", "you")
    assert (done.returncode, done.stdout) == (0, "hello you\n")


def test_help_lists_it_with_what_it_says_of_itself_and_survives_one_that_is_broken(package):
    done = steerbench(package, "--help")
    assert done.returncode == 0
    assert "Say hello." in done.stdout
    assert "broken" in done.stdout


def test_a_command_that_cannot_be_imported_says_why_in_one_sentence(package):
    done = steerbench(package, "broken", "--anything")
    assert done.returncode == 2
    assert done.stderr.startswith("error: The command 'broken' (broken:app) cannot be imported: No module named")
    assert "Traceback" not in done.stderr


def test_our_own_command_wins_a_name_that_both_have(package):
    done = steerbench(package, "list", "tasks")
    assert done.returncode == 0
    assert "papi" in done.stdout


def test_a_mistake_in_a_command_of_a_package_is_told_as_ours_are(package):
    done = steerbench(package, "greet")
    assert done.returncode == 2
    assert done.stderr == "error: Missing argument 'name'; steerbench greet --help says what it takes.\n"
