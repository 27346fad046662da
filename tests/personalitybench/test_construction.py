"""Questions are made by a real server that errs, and by processes that are killed: none is lost, none stands twice."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from steerbench.building import Built, Order
from steerbench.chat_client import ChatClient
from steerbench.errors import UserError
from steerbench.targets import TRAITS
from tasks.personalitybench import construction
from tasks.personalitybench.construction import Slot, build, part_of, slots, topics_in
from tasks.personalitybench.question_file import Row
from tasks.personalitybench.question_prompts import draft_messages, question_of, verdict_of
from tasks.personalitybench.questions import load
from tasks.personalitybench.task import PersonalityBench
from tests.personalitybench.generator_server import (
    COMPLETION_TOKENS,
    PROMPT_TOKENS,
    REPEATED,
    GeneratorServer,
    generator_server,
    number_of,
)

# What a question meets: the calls it takes, and why it is dropped ("" if it is kept).
SITUATIONS = {
    "": (3, ""),
    "biased": (3, "leans to one end"),
    "mumbling once": (4, ""),
    "mumbling": (4, "no readable verdict of the bias filter"),
    "borrowed": (3, "8 consecutive words of the embedded bank"),
    "long": (2, "more than 120 words"),
    "silent once": (4, ""),
    "silent": (2, "the generator said nothing"),
    "busy draft": (4, ""),
    "busy filter": (4, ""),
    "refused": (1, "refused by the server"),
    "repeated": (3, "a question there is already"),
}


MIRROR = os.environ.get("STEERBENCH_DATA", "")


def situation(number: int) -> str:
    return list(SITUATIONS)[number % len(SITUATIONS)]


def number(slot: Slot) -> int:
    return number_of(draft_messages(TRAITS[slot.trait], slot.facet, slot.statements, slot.topic)[1][1])


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line] if path.exists() else []


@pytest.fixture(autouse=True)
def no_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published questions are not on this machine, and a server that fails is asked again soon."""
    monkeypatch.delenv("STEERBENCH_DATA", raising=False)
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(construction, "ChatClient", partial(ChatClient, backoff=0.01, attempts=3))


def made(server: GeneratorServer, out: Path, per_facet: int = 2, **changes: Any) -> Built:
    return build(Order(server.url, "writer", out, per_facet=per_facet, **changes), lambda *_: None)


def test_every_fault_of_a_generator_ends_as_it_should_at_the_calls_it_should(tmp_path: Path) -> None:
    out = tmp_path / "made.jsonl"
    with generator_server(situation) as server:
        built = made(server, out, per_facet=4)
    wanted = slots(topics_in(None), 4, 0)
    met = {slot.id: situation(number(slot)) for slot in wanted}
    assert set(met.values()) == set(SITUATIONS)
    kept, dropped = rows(out), rows(tmp_path / "made.dropped.jsonl")
    assert len(kept) + len(dropped) == len(wanted) == len({row["id"] for row in kept + dropped})

    (first_of_repeats,) = [row["id"] for row in kept if row["question"] == REPEATED]
    expected = {id: SITUATIONS[name][1] for id, name in met.items()} | {first_of_repeats: ""}
    found = {row["id"]: row.get("reason", "").partition(":")[0] for row in kept + dropped}
    assert found == expected
    assert built.kept == len(kept)
    assert built.dropped == Counter(reason for reason in expected.values() if reason)

    assert len(server.asked) == built.usage.calls == sum(SITUATIONS[name][0] for name in met.values())
    failed = sum(name in ("busy draft", "busy filter", "refused") for name in met.values())
    assert built.usage.prompt_tokens == PROMPT_TOKENS * (built.usage.calls - failed)
    assert built.usage.completion_tokens == COMPLETION_TOKENS * (built.usage.calls - failed)


def test_a_row_says_whence_it_is(tmp_path: Path) -> None:
    with generator_server() as server:
        built = made(server, tmp_path / "made.jsonl", per_facet=1)
    by_id = {slot.id: slot for slot in slots(topics_in(None), 1, 0)}
    for row in rows(tmp_path / "made.jsonl"):
        slot = by_id[row["id"]]
        assert list(row) == ["id", "trait", "facet", "topic", "part", "question", "draft", "model"]
        assert (row["trait"], row["facet"], row["topic"]) == (slot.trait, slot.facet, slot.topic)
        assert row["question"] == f"You come upon case {number(slot)}. What do you do?"
        assert row["draft"] == f"case {number(slot)}, do you run?"
        assert row["model"] == "writer"
    assert "not on this machine" in built.notes[0]


@pytest.mark.real_data
def test_what_borrows_from_the_published_test_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERBENCH_DATA", MIRROR)
    published = next(item.text for item in load("published").test if len(item.text.split()) > 12)
    monkeypatch.setattr("tests.personalitybench.generator_server.BORROWED", f"Say: {published}")
    with generator_server(lambda n: "borrowed" if n % 5 == 0 else "") as server:
        built = made(server, tmp_path / "made.jsonl", per_facet=1)
    assert built.notes == ()
    assert built.dropped == {
        "8 consecutive words of the published test": sum(number(slot) % 5 == 0 for slot in slots(topics_in(None), 1, 0))
    }


def test_half_of_each_facets_questions_measure_whatever_is_dropped(tmp_path: Path) -> None:
    with generator_server(lambda n: "biased" if n % 3 == 0 else "") as server:
        made(server, tmp_path / "made.jsonl", per_facet=4)
    parts: dict[str, Counter[str]] = {}
    traits: dict[str, set[str]] = {}
    for row in rows(tmp_path / "made.jsonl"):
        parts.setdefault(row["facet"], Counter())[row["part"]] += 1
        traits.setdefault(row["trait"], set()).add(row["part"])
    assert len({counts.total() for counts in parts.values()}) > 1
    assert all(abs(counts["test"] - counts.total() / 2) <= 0.5 for counts in parts.values())
    assert traits == {trait: {"test", "calibration", "search"} for trait in TRAITS}


@pytest.mark.parametrize("seed", range(8))
def test_one_question_a_facet_serves_every_part_of_every_trait(seed: int) -> None:
    kept: list[Row] = []
    for slot in slots(["a topic"], 1, seed):
        told = {name: getattr(slot, name) for name in ("id", "trait", "facet", "topic")}
        kept.append(Row(**told, part=part_of(slot, kept, seed), question="?", draft="?", model="writer"))
    for trait in TRAITS:
        counts = Counter(row.part for row in kept if row.trait == trait)
        assert counts == {"test": 3, "calibration": 2, "search": 1}


def test_more_questions_leave_the_earlier_ones_as_they_are_and_another_seed_does_not() -> None:
    topics = topics_in(None)
    few, many = slots(topics, 6, seed=3), slots(topics, 8, seed=3)
    assert many[: len(few)] == few
    assert [slot.facet for slot in many[:30]] == [slot.facet for slot in many[30:60]]
    others = slots(topics, 8, seed=4)
    assert [slot.id for slot in many] == [slot.id for slot in others]
    assert [slot.topic for slot in many] != [slot.topic for slot in others]


def test_topics_return_only_when_all_had_their_turn() -> None:
    by_facet: dict[str, list[str]] = {}
    for slot in slots(["a", "b", "c"], 7, seed=0):
        by_facet.setdefault(slot.facet, []).append(slot.topic)
    for topics in by_facet.values():
        assert set(topics[:3]) == set(topics[3:6]) == {"a", "b", "c"}


def test_what_a_server_cannot_give_today_is_asked_again_tomorrow_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "made.jsonl"
    down = {number(slot) for slot in slots(topics_in(None), 2, 0)[:4]}
    with generator_server(lambda n: "down" if n in down else "") as server:
        built = made(server, out)
        assert sum(built.unfinished.values()) == 4
        assert built.kept == 56
        assert not (tmp_path / "made.dropped.jsonl").exists()
    with generator_server() as server:
        built = made(server, out)
        assert set(server.drafts()) == down
        assert (built.kept, built.unfinished, built.usage.calls) == (60, {}, 12)


def test_a_server_that_fails_again_and_again_is_given_up_and_what_was_made_stays(tmp_path: Path) -> None:
    alive = {number(slot) for slot in slots(topics_in(None), 2, 0)[:20]}
    with (
        generator_server(lambda n: "" if n in alive else "down") as server,
        pytest.raises(UserError, match=r"fails again and again \(3 attempts failed.*the same command goes on"),
    ):
        made(server, tmp_path / "made.jsonl", concurrency=1)
    assert len(rows(tmp_path / "made.jsonl")) == 20
    assert len(server.drafts()) == 30


def test_a_half_written_last_line_is_cut_off_and_its_question_asked_again(tmp_path: Path) -> None:
    out = tmp_path / "made.jsonl"
    with generator_server() as server:
        made(server, out, per_facet=1)
        whole = out.read_bytes().splitlines(keepends=True)
        for cut in (1, 40):
            out.write_bytes(b"".join(whole[:-1]) + whole[-1][:cut])
            server.asked.clear()
            made(server, out, per_facet=1)
            assert [step for step, _ in server.asked] == ["draft", "revision", "filter"]
            assert sorted(out.read_bytes().splitlines(keepends=True)) == sorted(whole)
            whole = out.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("content", [b"my notes", b'{"trait":"E","question":"Why?"}\n', b'{"id":"E-1"}\n{"id":', b"\n"])
def test_a_file_that_holds_something_else_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    out = tmp_path / "made.jsonl"
    out.write_bytes(content)
    with generator_server() as server, pytest.raises(UserError, match=r"line 1 was not written by"):
        made(server, out)
    assert out.read_bytes() == content
    assert server.asked == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"seed": 1}, "another --seed or another list"), ({"model": "other"}, "was made by 'writer'")],
)
def test_a_file_of_another_order_is_not_gone_on_with(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    out = tmp_path / "made.jsonl"
    with generator_server() as server:
        made(server, out, per_facet=1)
        with pytest.raises(UserError, match=complaint):
            build(Order(**{"generator": server.url, "model": "writer", "out": out} | change), lambda *_: None)


def test_an_order_that_cannot_be_met_is_refused(tmp_path: Path) -> None:
    with generator_server() as server:
        with pytest.raises(UserError, match="No such file"):
            made(server, tmp_path / "made.jsonl", topics=tmp_path / "absent.txt")
        (tmp_path / "topics.txt").write_text("\n \n")
        with pytest.raises(UserError, match="names no topic"):
            made(server, tmp_path / "made.jsonl", topics=tmp_path / "topics.txt")
        with pytest.raises(UserError, match="choose another --out"):
            made(server, tmp_path / "made.csv")
        assert server.asked == []


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        (' "You wait.\nWhat now?" ', "You wait. What now?"),
        ("Revised question: You wait. What now?", "You wait. What now?"),
        ('"You wait," he says. What is your "plan"', '"You wait," he says. What is your "plan"'),
        ("You have a question: what now?", "You have a question: what now?"),
        ("half \ud800 a pair?", "half ? a pair?"),
        (" \n", ""),
    ],
)
def test_a_question_is_taken_out_of_what_was_said(reply: str, question: str) -> None:
    assert question_of(reply) == question


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("No.", "no"),
        ("**Yes**, since no one would refuse", "yes"),
        ("Having looked at it: no", "no"),
        ("Yes or no", None),
        ("There is no lean here", None),
        ("Nothing", None),
        ("", None),
    ],
)
def test_a_verdict_is_the_first_or_the_last_word(reply: str, verdict: str | None) -> None:
    assert verdict_of(reply) == verdict


COMMAND = [sys.executable, "-c", "from steerbench.cli.main import run; run()", "data", "build", "personalitybench"]


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
            made(server, out)
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
