"""Many pieces of asynchronous work at once, with results as they finish."""

import asyncio
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from steerbench.errors import UserError
from steerbench.openai_client.client import ChatClient
from steerbench.openai_client.concurrency import concurrently
from tests.judges.faulty_server import KEY, FaultyServer


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def client(server: FaultyServer | str, **settings: object) -> ChatClient:
    url = server if isinstance(server, str) else server.url
    return ChatClient("m", url, **{"backoff": 0.01, "attempts": 3, "timeout": 4.0} | settings)  # type: ignore[arg-type]


async def tripled(n: int) -> int:
    await asyncio.sleep(0.001 * (7 - n % 7))
    return 3 * n


def test_everything_is_done_once_and_comes_with_its_place() -> None:
    batches = list(concurrently(range(50), tripled, 8, AsyncExitStack()))
    assert sorted(pair for batch in batches for pair in batch) == [(n, 3 * n) for n in range(50)]
    assert all(batches)


def test_nothing_to_do_is_done() -> None:
    assert list(concurrently([], tripled, 8, AsyncExitStack())) == []


def test_items_are_drawn_and_results_taken_in_the_callers_thread_so_that_a_database_may_serve_both(
    tmp_path: Path,
) -> None:
    database = sqlite3.connect(tmp_path / "results.sqlite")
    database.execute("CREATE TABLE results (n INTEGER, tripled INTEGER)")

    def wanted() -> Iterator[int]:
        for n in range(30):
            if not database.execute("SELECT 1 FROM results WHERE n = ?", (n % 10,)).fetchone():
                yield n % 10

    drawn = []
    for batch in concurrently((drawn.append(n) or n for n in wanted()), tripled, 1, AsyncExitStack()):
        with database:
            database.executemany("INSERT INTO results VALUES (?, ?)", [(done // 3, done) for _, done in batch])
    assert drawn == list(range(10))  # the second and third time round every result had been written
    database.close()


def test_an_error_comes_after_the_results_that_were_there_and_ends_the_rest() -> None:
    cancelled = []

    async def work(n: int) -> int:
        if n == 3:
            await asyncio.sleep(0.2)
            raise UserError("no")
        try:
            await asyncio.sleep(30 if n > 3 else 0)
        except asyncio.CancelledError:
            cancelled.append(n)
            raise
        return n

    results: list[tuple[int, int]] = []
    running = concurrently(range(20), work, 4, AsyncExitStack())
    with pytest.raises(UserError, match="no"):
        results.extend(pair for batch in running for pair in batch)
    assert sorted(results) == [(0, 0), (1, 1), (2, 2)]
    assert sorted(cancelled) == [4, 5, 6]
    assert no_thread_is_left()


def test_a_caller_that_stops_early_leaves_nothing_running() -> None:
    ended = []

    async def work(n: int) -> int:
        try:
            await asyncio.sleep(30 if n else 0)
        finally:
            ended.append(n)
        return n

    with closing(concurrently(range(9), work, 3, AsyncExitStack())) as running:
        assert next(running) == [(0, 0)]
    assert sorted(ended) == [0, 1, 2]
    assert no_thread_is_left()


def test_an_interrupt_ends_everything_at_once() -> None:
    ended = []

    async def work(n: int) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(n)

    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(concurrently(range(9), work, 2, AsyncExitStack()))
    assert time.monotonic() - start < 10
    assert sorted(ended) == [0, 1]
    assert no_thread_is_left()


def test_an_iterable_that_fails_ends_what_runs() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(concurrently(items(), tripled, 4, AsyncExitStack()))
    assert no_thread_is_left()


def test_one_client_serves_one_crowd_after_another() -> None:
    with FaultyServer() as server:
        asked = client(server)
        for _ in range(2):
            crowd = concurrently(range(6), lambda n: asked.ask([("user", f"case-{n}")], max_tokens=9), 3, within=asked)
            assert sum(len(batch) for batch in crowd) == 6
    assert all(len(calls) == 2 for calls in server.calls.values())


def no_thread_is_left() -> bool:
    return not [thread for thread in threading.enumerate() if thread.name == "requests"]
