"""Which slot a request's steering has in the worker's tables, from before vLLM admits the request until it is done."""

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
"""Where a request's `vllm_xargs` say what steers it: they carry no mappings."""

PASSED, PATIENCE = 16, 1.0
"""How many requests may pass one that waits for a slot, and for how many seconds."""


class Admission:
    """Stands before the `generate` of vLLM's engine client, which all of its endpoints call.

    A request under a steering waits until there is a slot for it. Who comes later and can run passes it, but only so
    often and for so long (`PASSED`, `PATIENCE`): then the steerings that will make room for it take nobody new, so that
    a busy server serves rare steerings too. Plain requests go straight on.
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
        """vLLM's `generate`, under the steering that the sampling parameters name.

        Raises:
            VLLMValidationError: they name none that there is.
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
            raise UserError(f"'{CONFIG}' is not for clients to set; ask for a steering by its name.")
        if NAME not in asked:
            return Steering()
        return self.catalogue.at(self.catalogue.named(asked[NAME]).name, read_strength(asked.get(STRENGTH, 1.0)))

    async def _steered(self, steering: Steering, prompt: Any, sampling_params: Any, *more: Any, **how: Any) -> Outputs:
        async with self._slot(steering) as slot:
            sampling = copy(sampling_params)
            sampling.extra_args = {**(sampling.extra_args or {}), CONFIG: {"slot": slot}}
            # Cached states of a prompt are another steering's, unless the salt tells them apart.
            salted = {**prompt, "cache_salt": salt(steering, prompt.get("cache_salt"))}
            # Closing vLLM's generator sends the abort of what it has not finished.
            async with aclosing(self._plain(salted, sampling, *more, **how)) as outputs:
                async for output in outputs:
                    yield output

    @asynccontextmanager
    async def _slot(self, steering: Steering) -> AsyncIterator[int]:
        """A slot that holds the steering for as long as this lasts."""
        key = steering.edits_digest
        slot, placement = await self._use(key, steering)
        try:
            if placement is not None:
                self._unplaced = {k: p for k, p in self._unplaced.items() if self.book.holds(k)} | {key: placement}
            elif key not in self._placing:
                placement = self._unplaced.get(key)  # could not be placed for somebody before: it is tried again
            if placement is not None:
                self._placing[key] = asyncio.create_task(self._place(key, placement))
            if (placing := self._placing.get(key)) is not None:
                # Others wait for it too: it goes on if this request is broken off.
                await asyncio.shield(placing)
            yield slot
        finally:
            leaving = asyncio.create_task(self._leave(key))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _use(self, key: str, steering: Steering) -> tuple[int, Placement | None]:
        """Take a steering into use, as soon as there is room for it and it is this request's turn."""
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
                self._freed.set()  # who waited behind it looks again
        for other in self._waiting:
            other.passed += other.since <= me.since
        return found

    async def _lower(self, me: "_QueuedRequest", steering: Steering) -> None:
        """Have what the book needs of a steering that is not in the tables: one at a time, for many may ask at once."""
        while me.lowered is None and not self.book.holds(me.key):
            async with self._lowering:
                if not self.book.holds(me.key):
                    me.lowered = await asyncio.to_thread(lower, steering, self.width)

    def _may_go(self, me: "_QueuedRequest") -> bool:
        """Whether a request may be tried now: not if it would make who has waited longest wait on and on."""
        first = self._waiting[0] if self._waiting else me
        impatient = first.passed >= PASSED or asyncio.get_running_loop().time() >= first.since + PATIENCE
        if first is me or first.lowered is None or not impatient:
            return True
        return self.book.holds(me.key) and me.key not in self.book.leaving(first.lowered)

    async def _place(self, key: str, placement: Placement) -> None:
        """Have the worker take a steering into its tables. If it fails, those who wait for it are told why."""
        try:
            await self.engine.collective_rpc("steering_put", args=([astuple(placement)],))
            if self._unplaced.get(key) is placement:
                del self._unplaced[key]
        finally:
            if self._placing.get(key) is asyncio.current_task():
                del self._placing[key]

    async def _leave(self, key: str) -> None:
        """Give a slot back, once the engine cannot run the request any more.

        What is sent to the engine is read in the order it was sent: when it answers this question, it has read any
        abort, and what it runs of the request is before anything that is put into the tables from now on.
        """
        with suppress(Exception):
            await self.engine.is_sleeping()
        self.book.done(key, keep=key not in self._unplaced or key in self._placing)
        self._freed.set()


@dataclass(eq=False)
class _QueuedRequest:
    """A request that has no slot yet: since when, and how many who came later went before it."""

    key: str
    since: float
    passed: int = 0
    lowered: Lowered | None = None


def salt(steering: Steering, given: str | None) -> str:
    """What tells cached blocks under these edits from others; a client's own salt stays in force."""
    digest = steering.edits_digest
    return digest if given is None else sha256(f"{digest}{given}".encode()).hexdigest()
