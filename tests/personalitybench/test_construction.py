"""Questions are made by a real server that errs: none is lost, and none is kept that should not be."""

import os
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from steerbench.contracts.targets import TRAITS
from steerbench.errors import UserError
from steerbench.openai_client.client import ChatClient
from steerbench.plugins.questions import BuiltQuestions, Order
from tasks.personalitybench import construction
from tasks.personalitybench.construction import build, part_of, slots, topics_in
from tasks.personalitybench.question_file import QuestionRow
from tasks.personalitybench.questions import load
from tests.personalitybench.generator_server import (
    COMPLETION_TOKENS,
    PROMPT_TOKENS,
    REPEATED,
    SITUATIONS,
    GeneratorServer,
    generator_server,
    number,
    rows,
    situation,
)

MIRROR = os.environ.get("STEERBENCH_DATA", "")


@pytest.fixture(autouse=True)
def no_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published questions are not on this machine, and a server that fails is asked again soon."""
    monkeypatch.delenv("STEERBENCH_DATA", raising=False)
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(construction, "ChatClient", partial(ChatClient, backoff=0.01, attempts=3))


def made(server: GeneratorServer, out: Path, per_facet: int = 2, **changes: Any) -> BuiltQuestions:
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
    assert not [row for row in kept if "think" in row["question"] + row["draft"]]
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
    kept: list[QuestionRow] = []
    for slot in slots(["a topic"], 1, seed):
        told = {name: getattr(slot, name) for name in ("id", "trait", "facet", "topic")}
        kept.append(QuestionRow(**told, part=part_of(slot, kept, seed), question="?", draft="?", model="writer"))
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
        pytest.raises(UserError, match=r"fails repeatedly \(3 attempts failed.*the same command goes on"),
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
        with pytest.raises(UserError, match="has no topic"):
            made(server, tmp_path / "made.jsonl", topics=tmp_path / "topics.txt")
        with pytest.raises(UserError, match="choose another --out"):
            made(server, tmp_path / "made.csv")
        assert server.asked == []
