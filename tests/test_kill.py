"""A run that is killed, again and again, ends with the numbers of one that was not."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

KILLS = 10

RUN = [
    str(Path(sys.executable).with_name("steerbench")),
    *("run", "--method", "pas,few-shot", "--task", "papi", "--respondents", "3", "--budget", "3"),
    *("--param", "pas.heads=8", "--quiet"),
]


def start(out: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([*RUN, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ledger(out: Path) -> Path | None:
    return next(out.glob("*/ledger.sqlite"), None)


def samples(out: Path) -> list[tuple[Any, ...]]:
    path = ledger(out)
    assert path is not None
    with sqlite3.connect(path) as connection:
        return list(connection.execute("SELECT * FROM samples ORDER BY method, split, step, target, item"))


def result(out: Path) -> dict[str, Any]:
    """What a run found out, without what it took."""
    [path] = out.glob("*/run.json")
    found: dict[str, Any] = json.loads(path.read_text())
    found.pop("timings")
    return found


@pytest.mark.timeout(900)
def test_ten_kills_at_random_moments_change_no_bit_lose_no_row_and_double_none(tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    started = time.monotonic()
    assert start(undisturbed).wait() == 0
    took = time.monotonic() - started

    # A run that gets to its end between two kills is compared, and the next kill falls on a new one.
    rng, kills, run = random.Random(0), 0, 0
    while kills < KILLS:
        killed = tmp_path / f"killed-{run}"
        process = start(killed)
        try:
            assert process.wait(timeout=rng.uniform(0.2, 0.6) * took) == 0
            same(killed, undisturbed)
            run += 1
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    assert start(killed).wait() == 0
    same(killed, undisturbed)


def same(killed: Path, undisturbed: Path) -> None:
    assert result(killed) == result(undisturbed)
    assert samples(killed) == samples(undisturbed)
