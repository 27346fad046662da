"""Batches requests from many coroutines: requests that wait while the engine is busy are run together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import anyio
import anyio.to_thread

LINGER = 0.02
"""Seconds that an idle engine waits after a request for others that started at the same time."""

T = TypeVar("T")
K = TypeVar("K")
R = TypeVar("R")


@dataclass(eq=False)
class _PendingCall(Generic[T, K, R]):
    item: T
    kind: K
    outcome: R | Exception | None = None


class Gathering(Generic[T, K, R]):
    """`await ask(item, kind)` gives the item's result of `work(items, kind)`, run in a thread on items of one kind.

    Kinds are hashable. One call of `work` runs at a time, and takes all items of its kind that wait.
    """

    def __init__(self, work: Callable[[Sequence[T], K], Sequence[R]]) -> None:
        self.work = work
        self._free = anyio.Lock()
        self._waiting: list[_PendingCall[T, K, R]] = []

    async def ask(self, item: T, kind: K) -> R:
        """The item's result. Raises the error of `work` on this item's kind."""
        mine: _PendingCall[T, K, R] = _PendingCall(item, kind)
        self._waiting.append(mine)
        try:
            async with self._free:
                if mine.outcome is None:
                    await anyio.sleep(LINGER)
                    together, self._waiting = self._waiting, []
                    await anyio.to_thread.run_sync(self._settle, together)
        finally:
            if mine in self._waiting:  # cancelled before it was started
                self._waiting.remove(mine)
        if isinstance(mine.outcome, Exception):
            raise mine.outcome
        assert mine.outcome is not None
        return mine.outcome

    def _settle(self, together: Sequence[_PendingCall[T, K, R]]) -> None:
        for kind in dict.fromkeys(one.kind for one in together):
            mine = [one for one in together if one.kind == kind]
            try:
                for one, outcome in zip(mine, self.work([one.item for one in mine], kind), strict=True):
                    one.outcome = outcome
            except Exception as error:  # raised in every waiting coroutine
                for one in mine:
                    one.outcome = error
