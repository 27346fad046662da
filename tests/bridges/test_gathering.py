"""Requests of many coroutines in batches of one engine."""

import threading
from collections.abc import Sequence

import anyio

from steerbench.bridges.gathering import Gathering


def test_what_waits_while_the_engine_is_busy_goes_together_by_kind_and_everybody_gets_their_own():
    done: list[tuple[str, list[int]]] = []

    def work(items: Sequence[int], kind: str) -> Sequence[str]:
        assert threading.current_thread() is not threading.main_thread()
        done.append((kind, list(items)))
        return [f"{kind}{item}" for item in items]

    async def run() -> dict[int, str]:
        gathering, answers = Gathering[int, str, str](work), dict[int, str]()

        async def ask(item: int) -> None:
            answers[item] = await gathering.ask(item, "ab"[item % 2])

        async with anyio.create_task_group() as group:
            for item in range(6):
                group.start_soon(ask, item)
        return answers

    assert anyio.run(run) == {item: f"{'ab'[item % 2]}{item}" for item in range(6)}
    assert sorted(kind for kind, _ in done) == ["a", "b"]
    assert sorted(item for _, items in done for item in items) == list(range(6))


def test_an_error_is_told_to_those_it_concerns_and_the_engine_is_free_after_it():
    def work(items: Sequence[int], kind: bool) -> Sequence[int]:
        if kind:
            raise ValueError("bad")
        return items

    async def run() -> list[str]:
        gathering, said = Gathering[int, bool, int](work), list[str]()

        async def ask(item: int) -> None:
            try:
                said.append(str(await gathering.ask(item, item > 1)))
            except ValueError as error:
                said.append(str(error))

        async with anyio.create_task_group() as group:
            for item in range(4):
                group.start_soon(ask, item)
        await ask(0)
        return said

    assert sorted(anyio.run(run)) == ["0", "0", "1", "bad", "bad"]


def test_who_leaves_before_their_turn_is_not_worked_for():
    begun, go_on = threading.Event(), threading.Event()
    done: list[int] = []

    def work(items: Sequence[int], kind: None) -> Sequence[int]:
        begun.set()
        assert go_on.wait(10)
        done.extend(items)
        return items

    async def run() -> None:
        gathering = Gathering[int, None, int](work)
        async with anyio.create_task_group() as group:
            group.start_soon(gathering.ask, 1, None)
            while not begun.is_set():
                await anyio.sleep(0.005)
            with anyio.move_on_after(0.05) as scope:
                await gathering.ask(2, None)
            assert scope.cancelled_caught
            go_on.set()
        assert await gathering.ask(3, None) == 3

    anyio.run(run)
    assert done == [1, 3]
