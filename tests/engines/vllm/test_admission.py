"""Slots of requests that come, wait, leave and are broken off, in an order that the test decides; without vLLM."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from steerbench.contracts.edits import Add, Positions
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.vllm.serving import admission
from steerbench.engines.vllm.serving.admission import Admission, salt
from steerbench.engines.vllm.serving.catalogue import Catalogue


@dataclass
class ScriptedEngine:
    """Runs a request until the test lets it end; notes what it is told, in order."""

    told: list[str] = field(default_factory=list)
    ends: dict[str, asyncio.Event] = field(default_factory=dict)
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    fails: int = 0

    def __post_init__(self) -> None:
        self.takes.set()
        self.answers.set()

    async def generate(self, prompt: dict[str, Any], sampling: Any, name: str) -> Any:
        slot = (sampling.extra_args or {}).get("steerbench", {}).get("slot", 0)
        self.told.append(f"{name} runs in {slot}")
        try:
            yield prompt
            await self.ends.setdefault(name, asyncio.Event()).wait()
            yield prompt
            self.told.append(f"{name} ended")
        except (asyncio.CancelledError, GeneratorExit):
            self.told.append(f"{name} aborted")
            raise

    async def collective_rpc(self, method: str, args: tuple[Any, ...]) -> None:
        ((placement,),) = args
        self.told.append(f"{method} {placement[0]}")
        await self.takes.wait()
        if self.fails:
            self.fails -= 1
            raise RuntimeError("out of memory")

    async def is_sleeping(self) -> bool:
        self.told.append("asked")
        await self.answers.wait()
        return False


class Desk:
    """An admission with room for so many steerings, and requests as tasks."""

    def __init__(self, rows: int) -> None:
        self.engine = ScriptedEngine()
        self.admission = Admission(self.engine, Catalogue([]), lambda site: 2, rows)

    def ask(self, name: str, steering: Steering) -> "asyncio.Task[list[Any]]":
        async def outputs() -> list[Any]:
            sampling = SimpleNamespace(extra_args=None)
            return [each async for each in self.admission.under(steering, {"cache_salt": "own"}, sampling, name)]

        return asyncio.create_task(outputs())

    async def told(self, count: int) -> list[str]:
        """What the engine was told once it was told so much, and long enough after it for more to have come."""
        async with asyncio.timeout(10):
            while len(self.engine.told) < count:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        return self.engine.told

    def end(self, name: str) -> None:
        self.engine.ends.setdefault(name, asyncio.Event()).set()


def push(size: float) -> Steering:
    return Steering((Add("resid", 0, np.array([size, 0], np.float32)),))


def wide(rows: int) -> Steering:
    """Another row at each of the first positions."""
    return Steering(
        (Add("resid", 0, np.arange(1, 2 * rows + 1, dtype=np.float32).reshape(rows, 2), Positions("front", rows)),)
    )


def test_a_slot_is_given_on_only_when_the_engine_has_answered_after_the_request():
    async def story() -> list[str]:
        desk = Desk(rows=1)
        first, second = desk.ask("a", push(1)), desk.ask("b", push(2))
        assert await desk.told(2) == ["steering_put 1", "a runs in 1"]
        desk.engine.answers.clear()
        desk.end("a")
        assert (await desk.told(4))[2:] == ["a ended", "asked"]
        assert first.done()
        desk.engine.answers.set()
        desk.end("b")
        await second
        return desk.engine.told[4:7]

    assert asyncio.run(story()) == ["steering_put 1", "b runs in 1", "b ended"]


def test_requests_under_the_same_steering_share_a_slot_and_are_salted_by_it_and_by_their_own_salt():
    async def story() -> None:
        desk = Desk(rows=1)
        asked = [desk.ask(name, push(1)) for name in "abc"]
        for name in "abc":
            desk.end(name)
        outputs = await asyncio.gather(*asked)
        assert [line for line in desk.engine.told if line.startswith("steering_put")] == ["steering_put 1"]
        salts = {output["cache_salt"] for each in outputs for output in each}
        assert salts == {salt(push(1), "own")}
        assert len({salt(push(1), None), salt(push(1), "own"), salt(push(1), "x"), salt(push(2), "own")}) == 4

    asyncio.run(story())


def test_who_can_run_passes_a_request_that_waits():
    """Under a steering that has a slot, under one for which there is room, or under none."""

    async def story() -> list[str]:
        desk = Desk(rows=2)
        asked = [desk.ask("a", push(1)), desk.ask("many", wide(8))]
        await desk.told(2)
        asked += [desk.ask("a again", push(1)), desk.ask("b", push(2)), desk.ask("plain", UNSTEERED)]
        told = [line for line in await desk.told(6) if "runs" in line]
        for name in ("a", "many", "a again", "b", "plain"):
            desk.end(name)
        await asyncio.gather(*asked)
        assert desk.engine.told[-1].startswith(("many ended", "asked"))
        return told

    assert asyncio.run(story()) == ["a runs in 1", "a again runs in 1", "plain runs in 0", "b runs in 2"]


@pytest.mark.parametrize(("passed", "patience"), [(5, 1000.0), (1000, 0.1)], ids=["so often", "for so long"])
def test_but_only_so_often_or_for_so_long_and_then_only_who_does_not_make_it_wait_on(monkeypatch, passed, patience):
    """A steering that never falls idle would keep its slot for ever."""
    monkeypatch.setattr(admission, "PASSED", passed)
    monkeypatch.setattr(admission, "PATIENCE", patience)

    async def story() -> tuple[int, int]:
        desk = Desk(rows=2)
        others = [desk.ask(f"{who} 0", push(size)) for who, size in (("a", 1), ("b", 2))]
        await desk.told(4)
        rare, number, held_up = desk.ask("rare", push(3)), 0, 0
        await asyncio.sleep(0.02)
        while not any(line.startswith("rare runs") for line in desk.engine.told):
            number += 1
            assert number < 200
            others += [desk.ask(f"{who} {number}", push(size)) for who, size in (("a", 1), ("b", 2))]
            await asyncio.sleep(0.02)
            at_once = [line for line in desk.engine.told if f" {number} runs in" in line]
            assert at_once  # only one of the two has to go
            held_up += len(at_once) == 1
            desk.end(f"a {number - 1}")
            desk.end(f"b {number - 1}")
            await asyncio.sleep(0.02)
        for name in ("rare", *(f"{who} {n}" for who in "ab" for n in range(number + 1))):
            desk.end(name)
        await asyncio.gather(rare, *others)
        return number, held_up

    number, held_up = asyncio.run(story())
    assert number > held_up > 0


def test_a_placement_that_failed_is_told_to_those_who_waited_for_it_and_tried_again_for_the_next():
    async def story() -> list[str]:
        desk = Desk(rows=1)
        desk.engine.takes.clear()
        desk.engine.fails = 2
        asked = [desk.ask(name, push(1)) for name in ("a", "b")]
        await desk.told(1)
        desk.engine.takes.set()
        assert [str(e) for e in await asyncio.gather(*asked, return_exceptions=True)] == ["out of memory"] * 2
        with pytest.raises(RuntimeError, match="out of memory"):
            await desk.ask("c", push(1))
        for name in ("d", "e"):
            desk.end(name)
        await desk.ask("d", push(1))
        await desk.ask("e", push(2))
        return [line for line in desk.engine.told if line != "asked"]

    again = [*("steering_put 1" for _ in range(3)), "d runs in 1", "d ended"]
    assert asyncio.run(story()) == [*again, "steering_put 1", "e runs in 1", "e ended"]


def test_whoever_leaves_a_placement_that_then_fails_leaves_nothing_behind():
    async def story() -> list[str]:
        desk = Desk(rows=1)
        desk.engine.takes.clear()
        desk.engine.fails = 1
        left = desk.ask("left", push(1))
        await desk.told(1)
        left.cancel()
        await desk.told(2)
        desk.engine.takes.set()
        desk.end("same")
        desk.end("other")
        await desk.told(2)
        await desk.ask("same", push(1))
        await desk.ask("other", push(2))
        return [line for line in desk.engine.told if line != "asked"]

    put = "steering_put 1"
    assert asyncio.run(story()) == [put, put, "same runs in 1", "same ended", put, "other runs in 1", "other ended"]


def test_who_leaves_while_running_waiting_or_being_placed_gives_back_all_that_was_held():
    async def story() -> list[str]:
        desk = Desk(rows=1)
        desk.engine.takes.clear()
        placed = desk.ask("placed", push(1))
        await desk.told(1)
        placed.cancel()
        await desk.told(2)
        other, waits = desk.ask("same", push(1)), desk.ask("waits", push(2))
        assert await desk.told(2) == ["steering_put 1", "asked"]  # sent once, and not used before it was taken
        desk.engine.takes.set()
        assert (await desk.told(3))[2:] == ["same runs in 1"]
        waits.cancel()
        other.cancel()
        assert (await desk.told(5))[3:] == ["same aborted", "asked"]
        desk.end("last")
        await desk.ask("last", push(3))
        return desk.engine.told[5:8]

    assert asyncio.run(story()) == ["steering_put 1", "last runs in 1", "last ended"]


def test_an_answer_that_is_not_read_to_its_end_is_aborted_before_its_slot_is_given_back():
    async def story() -> list[str]:
        desk = Desk(rows=1)
        outputs = desk.admission.under(push(1), {}, SimpleNamespace(extra_args=None), "a")
        await anext(outputs)
        await outputs.aclose()
        return await desk.told(4)

    assert asyncio.run(story()) == ["steering_put 1", "a runs in 1", "a aborted", "asked"]
