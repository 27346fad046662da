"""Ctrl-C at any moment of a start, imports included: exit code 130, a short line, no traceback."""

import signal
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import COMMAND, TOY, environment

STOP = """
import _thread, builtins
imported, seen = builtins.__import__, []
def interrupting(name, *rest, **more):
    if name == {name!r} and not seen:
        seen.append(name)
        {how}
    return imported(name, *rest, **more)
builtins.__import__ = interrupting
from steerbench.cli.main import run
run()
"""
RAISED = "_thread.interrupt_main()"
LOST = "class Last:\n            def __del__(self):\n                raise KeyboardInterrupt\n        Last()"
TURNED = "raise ImportError('numpy is broken') from KeyboardInterrupt()"


@pytest.mark.parametrize(
    "name", ["typer", "rich.console", "steerbench.cli.chat", "pydantic", "numpy", "steerbench.running.runner"]
)
@pytest.mark.parametrize("how", [RAISED, LOST, TURNED], ids=["raised", "lost in a finaliser", "made an ImportError"])
def test_an_interrupt_while_something_is_imported_ends_with_130_and_a_short_line(tmp_path, name, how):
    program = STOP.format(name=name, how=how)
    done = subprocess.run(
        [sys.executable, "-c", program, *TOY, "--method", "toy-push"],
        **{"cwd": tmp_path, "env": environment(), "capture_output": True, "text": True, "timeout": 60},
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip().splitlines() == [line for line in ("Stopped.", "Stopped") if line in done.stderr][:1]
    assert not (tmp_path / "runs").exists()


def test_a_start_that_is_sent_sigint_at_any_moment_says_no_more_than_that_it_stopped(tmp_path):
    for tenths in (2, 3, 5, 8, 12):
        started = subprocess.Popen(
            [*COMMAND, "bench", "--method", "pas", "--model", "not/here", "--json", "t.json"],
            **{"cwd": tmp_path, "env": environment(), "stderr": subprocess.PIPE, "text": True},
        )
        time.sleep(tenths / 10)
        started.send_signal(signal.SIGINT)
        _, told = started.communicate(timeout=60)
        # On a machine that is slow enough, Python itself has not begun to listen at the first of them.
        assert started.returncode in (130, -signal.SIGINT)
        assert "Traceback" not in told or started.returncode == -signal.SIGINT
        if started.returncode == 130:
            assert told.strip() in ("Stopped.", "Stopped")
