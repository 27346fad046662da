"""Which slot a request's steering has in the worker's tables, from before vLLM admits the request until it is done."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from copy import copy
from dataclasses import astuple
from hashlib import sha256
from typing import Any

from steerbench.application import read_strength
from steerbench.engines.vllm.client import CONFIG
from steerbench.engines.vllm.lowering import Width, lower
from steerbench.engines.vllm.serving.catalogue import Catalogue
from steerbench.engines.vllm.slots import Placement, SlotBook
from steerbench.errors import UserError
from steerbench.steering import Steering

Outputs = AsyncGenerator[Any, None]

NAME, STRENGTH = f"{CONFIG}_steering", f"{CONFIG}_strength"
"""Where a request's `vllm_xargs` say what steers it: they carry no mappings."""


class Admission:
    """Stands before the `generate` of vLLM's engine client, which all of its endpoints call.

    A request under a steering waits until there is a slot for it; nobody who comes later passes it, so that a busy
    server serves rare steerings too. Plain requests go straight on.
    """

    def __init__(self, engine: Any, catalogue: Catalogue, width: Width, rows: int) -> None:
        self.engine, self.catalogue, self.width = engine, catalogue, width
        self.book = SlotBook(rows)
        self._plain = engine.generate
        self._turn, self._freed = asyncio.Lock(), asyncio.Event()
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
        async with self._turn:
            lowered = None if self.book.holds(key) else await asyncio.to_thread(lower, steering, self.width)
            # Only who has the turn takes room, so what is held now is held still.
            while (found := self.book.use(key, lowered)) is None:
                self._freed.clear()
                await self._freed.wait()
            return found

    async def _place(self, key: str, placement: Placement) -> None:
        """Have the worker take a steering into its tables. If it fails, whoever uses this slot is told why."""
        await self.engine.collective_rpc("steering_put", args=([astuple(placement)],))
        if self._placing.get(key) is asyncio.current_task():
            del self._placing[key]

    async def _leave(self, key: str) -> None:
        """Give a slot back, once the engine cannot run the request any more.

        What is sent to the engine is read in the order it was sent: when it answers this question, it has read any
        abort, and what it runs of the request is before anything that is put into the tables from now on.
        """
        with suppress(Exception):
            await self.engine.is_sleeping()
        self.book.done(key)
        self._freed.set()


def salt(steering: Steering, given: str | None) -> str:
    """What tells cached blocks under these edits from others; a client's own salt stays in force."""
    digest = steering.edits_digest
    return digest if given is None else sha256(f"{digest}{given}".encode()).hexdigest()
