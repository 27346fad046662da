"""What a terminal is sent: the first words at once, colours only where they are wanted, commands in one piece."""

import contextlib
import os
import pty
import subprocess
import time

import pytest

from steerbench.cli.conclusion import next_steps
from steerbench.errors import counted
from tests.cli.conftest import COMMAND, environment
from tests.cli.test_conclusion import board

TOY = ("run", "--task", "toy", "--engine", "toy", "--model", "toy-model", "--budget", "4", "--method", "toy-push")


def started_on_a_terminal(arguments, folder, command=COMMAND, **variables):
    """The process, and the end of the terminal at which what it writes is read."""
    outer, inner = pty.openpty()
    outside = {name: value for name, value in environment().items() if name not in ("NO_COLOR", *variables)}
    process = subprocess.Popen(
        [*command, *arguments], cwd=folder, env=outside | {"TERM": "xterm-256color"} | variables,
        stdin=inner, stdout=inner, stderr=inner, close_fds=True,
    )  # fmt: skip
    os.close(inner)
    return process, outer


def read_to_its_end(process, outer):
    written = b""
    with contextlib.suppress(OSError):  # what a read raises when the process has closed the terminal
        while piece := os.read(outer, 65536):
            written += piece
    os.close(outer)
    assert process.wait(timeout=60) == 0, written
    return written.decode()


def on_a_terminal(arguments, folder, **variables):
    """Everything that a command writes to a terminal of 100 columns."""
    return read_to_its_end(*started_on_a_terminal(arguments, folder, **variables))


@pytest.mark.parametrize("arguments", [("--help",), ("list", "methods"), TOY], ids=["help", "list", "run"])
def test_a_terminal_gets_no_escape_codes_where_colours_are_not_wanted(arguments, tmp_path):
    assert "\x1b" in on_a_terminal(arguments, tmp_path)
    plain = on_a_terminal(arguments, tmp_path, NO_COLOR="1")
    assert "\x1b" not in plain
    assert "toy-push" in plain or "Usage: steerbench" in plain


def test_a_pipe_gets_no_escape_codes(steerbench, toy_run, tmp_path):
    outside = {name: value for name, value in environment().items() if name != "NO_COLOR"}
    run = toy_run("--method", "toy-push")
    for arguments in (("show", str(run)), ("--help",), ("list", "methods"), ("nothing",)):
        done = subprocess.run([*COMMAND, *arguments], cwd=tmp_path, env=outside, capture_output=True, text=True)
        assert "\x1b" not in done.stdout + done.stderr


def test_a_run_says_that_the_model_is_loaded_before_torch_is_imported(tmp_path):
    code = (
        "import sys\nimport steerbench.cli.startup as startup\nimport steerbench.cli.app as app\n"
        "seen = []\nusual = print\n"
        "def told(*words, **more):\n"
        "    seen.append([name for name in ('torch', 'transformers') if name in sys.modules])\n"
        "    usual(*words, **more)\n"
        "startup.print = told\n"
        f"sys.argv = ['steerbench', *{list(TOY)!r}]\napp.main()\nusual(seen)\n"
    )
    written = read_to_its_end(*started_on_a_terminal(["-c", code], tmp_path, command=COMMAND[:1]))
    assert written.startswith("loading model…\r\n")
    assert written.splitlines()[-1] == "[[]]"


def test_the_first_words_come_about_as_soon_as_help_does(tmp_path):
    """On an idle machine it is well below a second; the bound leaves room for one that is busy."""
    started = time.perf_counter()
    subprocess.run([*COMMAND, "run", "--help"], cwd=tmp_path, env=environment(), capture_output=True, check=True)
    helped = time.perf_counter() - started
    started = time.perf_counter()
    process, outer = started_on_a_terminal(TOY, tmp_path)
    assert os.read(outer, 65536).decode().startswith("loading model…")
    seconds = time.perf_counter() - started
    read_to_its_end(process, outer)
    assert seconds < 2 * helped + 1


def test_a_log_does_not_say_that_the_model_is_loaded(steerbench):
    assert "loading" not in steerbench(*TOY).stderr


def test_numbers_agree_with_their_nouns():
    assert [counted(n, "people") for n in (0, 1, 2, 1200)] == ["0 people", "1 person", "2 people", "1,200 people"]
    assert [counted(n, "calibration questions") for n in (1, 2)] == [
        "1 calibration question",
        "2 calibration questions",
    ]


def test_one_person_is_one_person_on_a_board(steerbench):
    done = steerbench(*TOY, "--respondents", "1")
    assert done.returncode == 0, done.stderr
    assert "1 target. All of it is in" in done.stdout
    assert "· 1 target," in done.stderr
    assert "1 targets" not in done.stdout + done.stderr


def test_commands_to_copy_stand_on_lines_of_their_own():
    commands = [line.strip() for line in next_steps(board()) if line.startswith("  ")]
    assert commands == ["steerbench controls", "steerbench model fetch qwen2.5-coder-1.5b"]
