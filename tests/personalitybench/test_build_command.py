"""`steerbench data build personalitybench` as a process: killed, interrupted, and run to its end."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from steerbench.errors import UserError
from steerbench.plugins.questions import Order
from tasks.personalitybench.construction import build, slots, topics_in
from tasks.personalitybench.task import PersonalityBench
from tests.personalitybench.generator_server import GeneratorServer, generator_server, number, rows, situation

COMMAND = [sys.executable, "-c", "from steerbench.cli.main import run; run()", "data", "build", "personalitybench"]


@pytest.fixture(autouse=True)
def no_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published questions are not on this machine."""
    monkeypatch.delenv("STEERBENCH_DATA", raising=False)
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))


def start(server: GeneratorServer, out: Path, *more: str) -> "subprocess.Popen[str]":
    arguments = ["--generator", server.url, "--generator-model", "writer", "--out", str(out), "--per-facet", "4", *more]
    environment = os.environ | {"A_KEY": "sk-hush-hush", "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    return subprocess.Popen(
        [*COMMAND, *arguments, "--key-env", "A_KEY"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_lines(path: Path, count: int) -> None:
    until = time.monotonic() + 60
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert time.monotonic() < until, f"{path} did not get to {count} lines"
        time.sleep(0.005)


def test_killed_again_and_again_it_ends_with_every_question_once(tmp_path: Path) -> None:
    concurrency, kills = 4, 2
    with generator_server(lambda n: "biased" if n % 6 == 0 else "", pause=0.005) as server:
        out, dropped = tmp_path / "made.jsonl", tmp_path / "made.dropped.jsonl"
        for kill in range(kills):
            process = start(server, out, "--concurrency", str(concurrency))
            wait_for_lines(out, 35 * (kill + 1))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            time.sleep(0.1)  # what was on its way to the server is counted with the killed process
            settled, before = {row["id"] for row in rows(out) + rows(dropped)}, len(server.asked)
        process = start(server, out, "--concurrency", str(concurrency))
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        wanted = {slot.id: number(slot) for slot in slots(topics_in(None), 4, 0)}
        asked_last = {n for _, n in server.asked[before:]}
        assert asked_last == {wanted[id] for id in wanted.keys() - settled}
        assert max(server.drafts().values()) <= 1 + kills
        assert server.drafts().total() - len(wanted) <= kills * concurrency
    found = rows(out) + rows(dropped)
    assert Counter(row["id"] for row in found) == Counter(wanted.keys())
    assert {row["id"] for row in rows(dropped)} == {id for id, n in wanted.items() if n % 6 == 0}
    assert {row["reason"] for row in rows(dropped)} == {"leans to one end"}
    asked = {row["id"]: row["question"] for row in rows(out)}
    assert asked == {id: f"You come upon case {n}. What do you do?" for id, n in wanted.items() if n % 6}


def test_an_interrupted_build_says_how_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "made.jsonl"
    with generator_server(pause=0.01) as server:
        process = start(server, out)
        wait_for_lines(out, 5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command goes on from there" in errors
    assert "Traceback" not in errors
    assert 5 <= len(rows(out)) < 120


def test_two_builds_of_one_file_do_not_meet(tmp_path: Path) -> None:
    out = tmp_path / "made.jsonl"
    with generator_server(pause=0.02) as server:
        process = start(server, out)
        wait_for_lines(out, 1)
        with pytest.raises(UserError, match="Another process is writing"):
            build(Order(server.url, "writer", out), lambda *_: None)
        process.kill()
        process.communicate()


def test_what_the_command_makes_is_a_dataset_of_the_task(tmp_path: Path) -> None:
    out = tmp_path / "made.jsonl"
    with generator_server(situation) as server:
        process = start(server, out)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    kept, dropped = rows(out), rows(tmp_path / "made.dropped.jsonl")
    assert f"{len(kept)} questions kept, {len(dropped)} dropped" in said
    assert re.search(r"(\d+) dropped: leans to one end", said)
    assert f"{len(server.asked):,} calls" in said
    assert "tokens sent" in said
    assert "not on this machine" in said
    assert server.keys == {"sk-hush-hush"}
    assert "sk-hush" not in said + errors + out.read_text() + (tmp_path / "made.dropped.jsonl").read_text()
    task = PersonalityBench(dataset=str(out))
    assert {item.text for split in task._questions.values() for item in split} == {
        row["question"] for row in kept if row["part"] != "search"
    }


def test_a_task_without_a_builder_is_refused_by_name(tmp_path: Path) -> None:
    arguments = ["data", "build", "papi", "--generator", "http://localhost:1/v1", "--generator-model", "writer"]
    done = subprocess.run([*COMMAND[:3], *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Questions for 'papi' cannot be made; they can for: personalitybench." in done.stderr
