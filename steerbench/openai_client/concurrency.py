"""Runs asynchronous work from synchronous code, with limited concurrency and results as they finish."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

INTERRUPTIBLE = 0.5
"""Seconds after which a wait looks for signals."""


def concurrently(
    items: Iterable[T],
    work: Callable[[T], Awaitable[R]],
    limit: int,
    within: AbstractAsyncContextManager[Any],
) -> Generator[list[tuple[int, R]], None, None]:
    """Run `work` on each item, `limit` at once; yields the (index, result) pairs finished since the last yield.

    The work runs in an event loop in its own thread, inside `async with within`. Items are taken in the caller's
    thread, one whenever there is room, and only after the results that made the room were yielded. So the caller may
    write results to a database between yields, and decide by them whether there is another item.

    If `work` raises, finished results are yielded first, then the error is raised and the rest is cancelled. The rest
    is also cancelled if the caller stops early or is interrupted.
    """
    places: dict[Future[R], int] = {}
    drawn = enumerate(items)
    with _event_loop(within) as loop:
        while True:
            while len(places) < limit and (following := next(drawn, None)):
                places[asyncio.run_coroutine_threadsafe(_awaited(work, following[1]), loop)] = following[0]
            if not places:
                return
            done = _finished(places)
            ended = sorted(((places.pop(future), future) for future in done), key=lambda one: one[0])
            if results := [(place, future.result()) for place, future in ended if not future.exception()]:
                yield results
            if errors := [error for _, future in ended if (error := future.exception())]:
                raise errors[0]


def _finished(futures: Collection[Future[R]]) -> set[Future[R]]:
    """Those that are done, once any is.

    The wait is cut into pieces, because Python handles a signal that comes just before a thread blocks only once the
    thread wakes: an interrupt could otherwise wait for the slowest request.
    """
    while True:
        if done := wait(futures, timeout=INTERRUPTIBLE, return_when=FIRST_COMPLETED).done:
            return done


async def _awaited(work: Callable[[T], Awaitable[R]], item: T) -> R:
    return await work(item)


@contextmanager
def _event_loop(within: AbstractAsyncContextManager[Any]) -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in another thread; tasks that still run at the end are cancelled."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def until_stopped() -> None:
        stop = asyncio.Event()
        async with within:
            started.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()
            mine = asyncio.current_task()
            others = [task for task in asyncio.all_tasks() if task is not mine]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    def run() -> None:
        try:
            asyncio.run(until_stopped())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="requests", daemon=True)
    thread.start()
    loop, stop = started.result()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
