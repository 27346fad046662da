"""Assigns a slot in the worker's tables to a request's steering, from before its admission until it has finished."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from copy import copy
from dataclasses import astuple, dataclass
from hashlib import sha256
from typing import Any

from steerbench.contracts.steering import Steering
from steerbench.engines.application import read_strength
from steerbench.engines.vllm.client import CONFIG
from steerbench.engines.vllm.lowering import Lowered, Width, lower
from steerbench.engines.vllm.serving.catalogue import Catalogue
from steerbench.engines.vllm.slots import Placement, SlotBook
from steerbench.errors import UserError

Outputs = AsyncGenerator[Any, None]

NAME, STRENGTH = f"{CONFIG}_steering", f"{CONFIG}_strength"
"""Keys of steering and strength in a request's `vllm_xargs`, which cannot hold mappings."""

PASSED, PATIENCE = 16, 1.0
"""A request that waits for a slot may be overtaken by PASSED others and for PATIENCE seconds."""


class Admission:
    """Wraps the `generate` of vLLM's engine client, which all endpoints call.

    A steered request waits until there is a slot for it. Later requests that can run may overtake it, within limits
    (`PASSED`, `PATIENCE`). After that, the steerings that must make room for it accept no new requests, so that a busy
    server serves rare steerings too. Unsteered requests never wait.
    """

    def __init__(self, engine: Any, catalogue: Catalogue, width: Width, rows: int) -> None:
        self.engine, self.catalogue, self.width = engine, catalogue, width
        self.book = SlotBook(rows)
        self._plain = engine.generate
        self._lowering, self._freed = asyncio.Lock(), asyncio.Event()
        self._waiting: list[_QueuedRequest] = []
        self._unplaced: dict[str, Placement] = {}
        self._placing: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def generate(self, prompt: Any, sampling_params: Any, *more: Any, **how: Any) -> Outputs:
        """vLLM's `generate`, under the steering named in the sampling parameters.

        Raises:
            VLLMValidationError: there is no such steering, or its strength is invalid.
        """
        from vllm.exceptions import VLLMValidationError

        try:
            steering = self._steering(getattr(sampling_params, "extra_args", None) or {})
        except UserError as error:
            raise VLLMValidationError(str(error)) from None
        return self.under(steering, prompt, sampling_params, *more, **how)

    def under(self, steering: Steering, prompt: Any, sampling_params: Any, *more: Any, **how: Any) -> Outputs:
        """vLLM's outputs for a prompt under a steering."""
        if not steering.edits:
            plain: Outputs = self._plain(prompt, sampling_params, *more, **how)
            return plain
        return self._steered(steering, prompt, sampling_params, *more, **how)

    def _steering(self, asked: dict[str, Any]) -> Steering:
        if CONFIG in asked:
            raise UserError(f"Clients cannot set '{CONFIG}'; request a steering by its name.")
        if NAME not in asked:
            return Steering()
        return self.catalogue.at(self.catalogue.named(asked[NAME]).name, read_strength(asked.get(STRENGTH, 1.0)))

    async def _steered(self, steering: Steering, prompt: Any, sampling_params: Any, *more: Any, **how: Any) -> Outputs:
        async with self._slot(steering) as slot:
            sampling = copy(sampling_params)
            sampling.extra_args = {**(sampling.extra_args or {}), CONFIG: {"slot": slot}}
            # The salt keeps cached states of the same prompt under other steerings apart.
            salted = {**prompt, "cache_salt": salt(steering, prompt.get("cache_salt"))}
            # Closing vLLM's generator aborts an unfinished request.
            async with aclosing(self._plain(salted, sampling, *more, **how)) as outputs:
                async for output in outputs:
                    yield output

    @asynccontextmanager
    async def _slot(self, steering: Steering) -> AsyncIterator[int]:
        """Context manager: a slot that holds the steering until exit."""
        key = steering.edits_digest
        slot, placement = await self._use(key, steering)
        try:
            if placement is not None:
                self._unplaced = {k: p for k, p in self._unplaced.items() if self.book.holds(k)} | {key: placement}
            elif key not in self._placing:
                placement = self._unplaced.get(key)  # placing it failed for another request; try again
            if placement is not None:
                self._placing[key] = asyncio.create_task(self._place(key, placement))
            if (placing := self._placing.get(key)) is not None:
                # Shielded, because others wait for it too if this request is cancelled.
                await asyncio.shield(placing)
            yield slot
        finally:
            leaving = asyncio.create_task(self._leave(key))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _use(self, key: str, steering: Steering) -> tuple[int, Placement | None]:
        """Acquire a slot for a steering, when there is room and it is this request's turn."""
        me = _QueuedRequest(key, asyncio.get_running_loop().time())
        try:
            while True:
                await self._lower(me, steering)
                if self._may_go(me) and (found := self.book.use(key, me.lowered)) is not None:
                    break
                if me not in self._waiting:
                    self._waiting.append(me)
                self._freed.clear()
                await self._freed.wait()
        finally:
            if me in self._waiting:
                self._waiting.remove(me)
                self._freed.set()  # wake those that waited behind it
        for other in self._waiting:
            other.passed += other.since <= me.since
        return found

    async def _lower(self, me: "_QueuedRequest", steering: Steering) -> None:
        """Compile a steering that is not in the tables; one at a time, because many requests may arrive at once."""
        while me.lowered is None and not self.book.holds(me.key):
            async with self._lowering:
                if not self.book.holds(me.key):
                    me.lowered = await asyncio.to_thread(lower, steering, self.width)

    def _may_go(self, me: "_QueuedRequest") -> bool:
        """Whether a request may try now; false if it would overtake the longest-waiting one beyond the limits."""
        first = self._waiting[0] if self._waiting else me
        impatient = first.passed >= PASSED or asyncio.get_running_loop().time() >= first.since + PATIENCE
        if first is me or first.lowered is None or not impatient:
            return True
        return self.book.holds(me.key) and me.key not in self.book.leaving(first.lowered)

    async def _place(self, key: str, placement: Placement) -> None:
        """Send a steering to the worker's tables. A failure is raised in every request that waits for it."""
        try:
            await self.engine.collective_rpc("steering_put", args=([astuple(placement)],))
            if self._unplaced.get(key) is placement:
                del self._unplaced[key]
        finally:
            if self._placing.get(key) is asyncio.current_task():
                del self._placing[key]

    async def _leave(self, key: str) -> None:
        """Release a slot once the engine cannot run the request any more.

        The engine reads messages in order. When it answers this call it has read any abort, so that it runs nothing of
        this request after later changes of the tables.
        """
        with suppress(Exception):
            await self.engine.is_sleeping()
        self.book.done(key, keep=key not in self._unplaced or key in self._placing)
        self._freed.set()


@dataclass(eq=False)
class _QueuedRequest:
    """A request that waits for a slot: since when, and how many later requests have overtaken it."""

    key: str
    since: float
    passed: int = 0
    lowered: Lowered | None = None


def salt(steering: Steering, given: str | None) -> str:
    """The cache salt that separates blocks under these edits from others; combined with the client's own salt."""
    digest = steering.edits_digest
    return digest if given is None else sha256(f"{digest}{given}".encode()).hexdigest()
