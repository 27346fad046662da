"""A run that is killed, again and again, ends with the numbers of one that was not.

A start is forked from a process that has imported everything, so time goes into the run and not into imports. When to
kill is told from the rows that the ledger holds, never from a clock: the moments are as well spread on a slow machine.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from steerbench.cli import main
from steerbench.testing.tiny_models import tiny_model

KILLS = 10

RUN = (
    *("run", "--method", "pas,few-shot", "--no-trivial", "--task", "papi", "--respondents", "3"),
    # Chunks small enough that a step is several transactions.
    *("--budget", "3", "--param", "pas.heads=8", "--param", "hf.token_budget=1500", "--quiet"),
)

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    [__name__, "steerbench.cli.run", "steerbench.running.runner", "steerbench.engines.hf.engine"]
)


def steerbench(*arguments: str) -> None:
    """What the command does, silently, in the process it is called in."""
    sys.argv = ["steerbench", *arguments]
    with open(os.devnull, "w") as silent:
        os.dup2(silent.fileno(), sys.stdout.fileno())
    main.run()


@dataclass(frozen=True)
class Rows:
    """What a ledger holds for good: the rows of its tables, and when it was begun."""

    begun: str
    fits: frozenset[tuple[Any, ...]]
    choices: frozenset[tuple[Any, ...]]
    samples: tuple[tuple[Any, ...], ...]

    def __len__(self) -> int:
        return len(self.fits) + len(self.choices) + len(self.samples)

    def of(self, split: str) -> int:
        return sum(row[1] == split for row in self.samples)


def rows(out: Path) -> Rows | None:
    """The ledger's rows in a copy, for its run holds it alone; None before it has tables, or copied half written."""
    path = next(out.glob("*/ledger.sqlite"), None)
    if path is None:
        return None
    with tempfile.TemporaryDirectory() as copied:
        for file in (path, path.with_name(f"{path.name}-wal")):
            if file.exists():
                shutil.copy(file, copied)
        connection = sqlite3.connect(Path(copied, path.name))
        try:
            [(begun,)] = connection.execute("SELECT value FROM meta WHERE key = 'created'")
            tables = [list(connection.execute(f"SELECT * FROM {name}")) for name in ("fits", "choices", "samples")]
        except (sqlite3.DatabaseError, ValueError):
            return None
        finally:
            connection.close()
    fits, choices, samples = tables
    return Rows(begun, frozenset(fits), frozenset(choices), tuple(sorted(samples, key=lambda row: row[:5])))


def result(out: Path) -> dict[str, Any]:
    """What a run found out, without what it took."""
    [path] = out.glob("*/run.json")
    found: dict[str, Any] = json.loads(path.read_text())
    found.pop("timings")
    return found


class Runs:
    """Starts of one plan, each in a process of its own."""

    def __init__(self, model: Path) -> None:
        self._arguments = (*RUN, "--model", str(model))

    def start(self, out: Path) -> Any:
        process = FORKED.Process(target=steerbench, args=(*self._arguments, "--out", str(out)))
        process.start()
        return process

    def finished(self, out: Path) -> None:
        process = self.start(out)
        process.join()
        assert process.exitcode == 0

    def killed(self, out: Path, enough: int, pause: float) -> Rows | None:
        """Start, and kill `pause` seconds after the ledger holds `enough` rows; what it holds then.

        None if the run came to its end before.
        """
        process = self.start(out)
        while process.is_alive() and ((found := rows(out)) is None or len(found) < enough):
            time.sleep(0.005)
        process.join(pause)
        process.kill()
        process.join()
        if process.exitcode == 0:
            return None
        assert process.exitcode == -signal.SIGKILL
        left = rows(out)
        assert left is not None
        return left


@pytest.mark.timeout(1800)
def test_ten_kills_at_random_moments_change_no_bit_lose_no_row_and_double_none(tmp_path: Path) -> None:
    runs = Runs(tiny_model(tmp_path / "model", max_position_embeddings=16384))
    undisturbed = tmp_path / "undisturbed"
    runs.finished(undisturbed)
    whole = rows(undisturbed)
    assert whole is not None

    # One kill in each tenth of the rows. A run that ends before its kill is compared, and the kill falls on a new one.
    rng, begun = random.Random(0), 0
    killed, kills = tmp_path / "killed-0", list[Rows]()
    every = kills[:]
    while len(every) < KILLS:
        enough = int((len(every) + rng.random()) / KILLS * len(whole)) if every else 0
        left = runs.killed(killed, enough, rng.uniform(0, 0.05))
        if left is None:
            same(killed, undisturbed, kills)
            begun += 1
            killed, kills = tmp_path / f"killed-{begun}", []
        else:
            kills.append(left)
            every.append(left)
    runs.finished(killed)
    same(killed, undisturbed, kills)

    # The last may have fallen while the report was made, which is after all rows.
    assert sum(len(left) < len(whole) for left in every) >= KILLS - 2
    assert any(len(left.fits) < len(whole.fits) for left in every)
    assert sum(0 < left.of("calibration") < whole.of("calibration") for left in every) >= 2
    assert sum(0 < left.of("test") < whole.of("test") for left in every) >= 2


def same(killed: Path, undisturbed: Path, kills: list[Rows]) -> None:
    """As if it had not been killed, and nothing that was there at a kill was made again."""
    ended, expected = rows(killed), rows(undisturbed)
    assert ended is not None
    assert expected is not None
    assert result(killed) == result(undisturbed)
    assert ended.samples == expected.samples
    for left in kills:
        assert left.begun == ended.begun
        assert left.fits <= ended.fits
        # A choice holds the time at which it was made.
        assert left.choices <= ended.choices
        assert set(left.samples) <= set(ended.samples)
