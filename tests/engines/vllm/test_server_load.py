"""A server under many clients at once: no answer under a wrong steering, nothing held on to, no growth.

STEERBENCH_SERVE_LOAD="32:120" has 32 clients ask for 120 seconds; STEERBENCH_SERVE_MODEL names another model.
"""

import asyncio
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steerbench.contracts.edits import Add, Boost, Cap, Positions
from steerbench.contracts.steering import Steering
from steerbench.engines.vllm.widths import Widths
from steerbench.models.text import load_text
from tests.engines.vllm.serving import Server, served

pytestmark = pytest.mark.vllm

CLIENTS, SECONDS = map(int, os.environ.get("STEERBENCH_SERVE_LOAD", "8:15").split(":"))
MODEL = os.environ.get("STEERBENCH_SERVE_MODEL")
CACHE = 2 * 10**8 if MODEL else 2 * 10**7
"""Bytes for keys and values: little, for memory counts only once it was used."""

ROWS = 6
STRENGTHS = (0.5, -1.0, 2.0)
SAID = ("Is it a party? ", "I often forget to put things back. ")
LEAVES = 0.2
"""The share of clients who leave before an answer's end."""

GROWTH = 0.05
"""What a server may grow from a quarter of the time on: allocators and Python's pools come to rest late."""


@dataclass(frozen=True)
class Asked:
    steering: str | None
    strength: float
    said: str
    chat: bool
    stream: bool
    ends: bool
    """At the text of a stop string, which vLLM's engine does not look for itself."""

    def arguments(self, model: str) -> dict[str, Any]:
        extra: dict[str, Any] = {"return_token_ids": True}
        if self.steering is not None:
            extra |= {"steering": self.steering, "strength": self.strength}
        said = {"messages": [{"role": "user", "content": self.said}]} if self.chat else {"prompt": self.said}
        how = {"model": model, "max_tokens": 24, "temperature": 0.0, "stop": ["e", " a"] if self.ends else None}
        return {**how, **said, "stream": self.stream, "extra_body": extra}


@pytest.fixture(scope="module")
def model(folder_of) -> str:
    return MODEL or str(folder_of("llama"))


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("steerings")
    for name, steering in steerings_for(model).items():
        steering.save(folder / f"{name}.safetensors")
    with served(model, folder, folder.parent / "log", "--rows", ROWS, "--kv-cache-memory-bytes", CACHE) as running:
        yield running


def steerings_for(model: str) -> dict[str, Steering]:
    """One at each site, strong enough to tell."""
    shape, rng = Widths(load_text(model).folder), np.random.default_rng(0)
    middle = shape.layers // 2

    def vector(size: int, width: float) -> Any:
        return (width * rng.normal(size=size)).astype(np.float32)

    neurons = rng.choice(shape.of("mlp_act"), 20, replace=False)
    late = Positions("decode")
    return {
        "heads": Steering(tuple(Add("head_out", n, vector(shape.of("head_out"), 0.5)) for n in range(shape.layers))),
        "stream": Steering((Add("resid", middle, vector(shape.of("resid"), 1.0)),)),
        "late": Steering((Add("resid", middle, vector(shape.of("resid"), 1.0), late),)),
        "neurons": Steering((Cap(middle, neurons[:10], -0.05), Boost(middle, neurons[10:], vector(10, 5.0)))),
    }


def any_request(rng: random.Random) -> Asked:
    steering = rng.choice([None, "heads", "stream", "late", "neurons"])
    strength = rng.choice(STRENGTHS) if steering else 1.0
    flags = (rng.random() < 0.5 for _ in range(3))
    return Asked(steering, strength, rng.choice(SAID), *flags)


async def ask(server: Server, client: Any, asked: Asked, leave_after: float | None = None) -> tuple[int, ...] | None:
    """The answer's tokens; None if the client left before its end."""
    door = client.chat.completions if asked.chat else client.completions
    running = asyncio.ensure_future(_read(door.create(**asked.arguments(server.model)), asked.stream))
    done, _ = await asyncio.wait({running}, timeout=leave_after)
    if not done:
        running.cancel()
        await asyncio.wait({running})
        return None
    return running.result()


async def _read(opening: Any, stream: bool) -> tuple[int, ...]:
    found = await opening
    if not stream:
        return tuple(found.choices[0].token_ids)
    async with found:
        chunks = [chunk async for chunk in found]
    return tuple(t for chunk in chunks for c in chunk.choices for t in getattr(c, "token_ids", None) or ())


async def load(server: Server) -> tuple[dict[Asked, set[tuple[int, ...]]], int, int, list[int]]:
    """What was answered, how often, how many clients left, and the server's bytes at a quarter and at the end."""
    found: dict[Asked, set[tuple[int, ...]]] = {}
    counts = {"answered": 0, "left": 0}
    started = time.monotonic()

    async def one(number: int) -> None:
        rng = random.Random(number)
        async with server.async_client() as client:
            while time.monotonic() < started + SECONDS:
                asked = any_request(rng)
                patience = rng.uniform(0.0, 0.3) if rng.random() < LEAVES else None
                answer = await ask(server, client, asked, patience)
                counts["answered" if answer is not None else "left"] += 1
                if answer is not None:
                    found.setdefault(asked, set()).add(answer)

    async def watch() -> list[int]:
        sizes = []
        for until in (SECONDS / 4, SECONDS):
            await asyncio.sleep(started + until - time.monotonic())
            sizes.append(server.resident())
        return sizes

    sizes, *_ = await asyncio.gather(watch(), *(one(number) for number in range(CLIENTS)))
    return found, counts["answered"], counts["left"], sizes


async def replay(server: Server, asked: list[Asked]) -> list[tuple[int, ...] | None]:
    """One after another, nobody else there."""
    async with server.async_client() as client:
        return [await ask(server, client, each) for each in asked]


async def starts_and_ends(server: Server, pairs: list[tuple[str, float]]) -> tuple[list[float], list[float]]:
    """When each of so many long answers at once had its first token, and its last."""
    first, last = [], []

    async def one(client: Any, name: str, strength: float) -> None:
        extra = {"steering": name, "strength": strength, "ignore_eos": True}
        stream = await client.completions.create(
            model=server.model, prompt="I", max_tokens=400, temperature=0, stream=True, extra_body=extra
        )
        times = [time.monotonic() async for _ in stream]
        first.append(times[0])
        last.append(times[-1])

    async with server.async_client() as client:
        await asyncio.gather(*(one(client, *pair) for pair in pairs))
    return first, last


@pytest.mark.timeout(900)
def test_under_load_every_answer_is_its_own_steerings_and_nothing_is_held_on_to(server, capsys):
    found, answered, left, (quarter, end) = asyncio.run(load(server))
    assert answered > 4 * CLIENTS
    assert left > 0
    asked = list(found)
    alone = asyncio.run(replay(server, asked))
    wrong = [one for one, answer in zip(asked, alone, strict=True) if found[one] != {answer}]
    with capsys.disabled():
        print(
            f"\n{CLIENTS} clients, {SECONDS} s, {Path(server.model).name}: {answered} answers to {len(asked)} "
            f"requests, {left} clients left, {len(wrong)} differ alone; {quarter / 2**20:.0f} MiB at a quarter, "
            f"{end / 2**20:.0f} MiB at the end"
        )
    assert wrong == []
    assert end < quarter * (1 + GROWTH)
    # As many others as there is room for, all at once: only if every slot was given back.
    pairs = [(name, strength) for name in ("heads", "stream") for strength in (0.1, 0.2, 0.3)]
    assert len(pairs) == ROWS
    first, last = asyncio.run(starts_and_ends(server, pairs))
    assert max(first) < min(last)
