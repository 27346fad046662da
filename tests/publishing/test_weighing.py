"""Many files are weighed in one limited process, and one that ends it costs the others nothing."""

import signal
import subprocess
import sys

import polars as pl
import pytest

from steerbench.publishing import weighing
from steerbench.publishing.checking import check, problems
from steerbench.publishing.columns import COLUMNS
from steerbench.publishing.publish import publish
from steerbench.publishing.weighing import UNREADABLE, weigh, weigh_all
from tests.publishing.world import TOY, edit_samples, finished


def parquet(path, **values):
    rows = values.pop("rows", 3)
    frame = pl.select(pl.repeat(values.get(name), rows, dtype=kind).alias(name) for name, kind in COLUMNS.items())
    frame.write_parquet(path)
    return path


@pytest.fixture
def started(monkeypatch):
    """The processes that were started."""
    real, calls = subprocess.run, []
    monkeypatch.setattr(weighing.subprocess, "run", lambda *args, **named: calls.append(args) or real(*args, **named))
    return calls


def test_many_files_are_weighed_in_one_process_and_told_in_their_order(tmp_path, started):
    paths = [parquet(tmp_path / f"{n}.parquet", text="x" * n * 100_000) for n in range(5)]
    told = weigh_all([paths[3], *paths])
    assert [bool(one) for one in told] == [True, False, False, False, True, True]
    assert told[0] == told[4] == "has a text of more than 200,000 bytes in 'text'"
    assert len(started) == 1


def test_a_file_that_ends_the_process_is_named_and_the_rest_are_weighed(tmp_path, started):
    good = [parquet(tmp_path / f"good {n}.parquet") for n in range(3)]
    broken = [tmp_path / f"broken {n}.parquet" for n in range(2)]
    for path in broken:
        path.write_bytes(b"PAR1" + b"\x00" * 1000 + b"PAR1")
    assert weigh_all([good[0], broken[0], good[1], broken[1], good[2]]) == ["", UNREADABLE, "", UNREADABLE, ""]
    assert len(started) == 5  # one that ended a process is tried once more, alone in a new one
    assert weigh(broken[0]) == UNREADABLE


def test_a_file_that_is_too_large_is_not_opened(tmp_path, monkeypatch, started):
    paths = [parquet(tmp_path / "small.parquet"), parquet(tmp_path / "large.parquet", text="x" * 100, rows=100)]
    monkeypatch.setattr(weighing, "LARGEST", paths[0].stat().st_size)
    paths[1].write_bytes(b"\x00" * (weighing.LARGEST + 1))
    assert weigh_all(paths) == ["", f"is larger than {weighing.LARGEST:,} bytes"]
    assert weigh_all(paths[1:])
    assert len(started) == 1


def test_of_nothing_nothing_is_started(started):
    assert weigh_all([]) == []
    assert started == []


def test_a_check_weighs_the_samples_of_all_runs_in_one_process_and_says_of_each_what_is_wrong(tmp_path, started):
    results = tmp_path / "results"
    plans = [TOY.model_copy(update={"budget": budget}) for budget in (3, 4, 5)]
    sound, heavy, strange = [publish(finished(tmp_path / f"{plan.budget}", plan), results) for plan in plans]
    edit_samples(heavy, lambda frame: frame.with_columns(pl.lit("x" * 200_001).alias("text")))
    (strange / "more.txt").write_text("")
    started.clear()
    assert sorted(check(results).problems) == sorted(
        [
            f"{heavy.name}: samples.parquet has a text of more than 200,000 bytes in 'text'.",
            f"{strange.name}: has 'more.txt' too; a published run is published.json and samples.parquet and nothing "
            "else.",
        ]
    )
    assert len(started) == 1
    assert problems(sound) == []


def test_every_file_has_the_processor_time_to_itself():
    program = """
import time
from steerbench.publishing import weighing
weighing.SECONDS = 1
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
for _ in range(4):
    weighing._limit_time()
    burn(0.9)
print("alive", flush=True)
burn(60)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "alive\n"
    assert done.returncode == -signal.SIGXCPU
