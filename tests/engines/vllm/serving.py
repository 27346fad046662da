"""`steerbench serve` as a user has it: a process of its own, on a port of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from openai import AsyncOpenAI, OpenAI

COMMAND = (sys.executable, "-c", "from steerbench.cli.main import run; run()", "serve")
START = 120.0
"""Seconds that a server may take to be ready, on a busy machine."""


@dataclass
class Server:
    process: "subprocess.Popen[bytes]"
    port: int
    model: str
    key: str = "none"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> OpenAI:
        return OpenAI(base_url=f"{self.address}/v1", api_key=self.key, max_retries=0, timeout=100)

    def async_client(self) -> AsyncOpenAI:
        return AsyncOpenAI(base_url=f"{self.address}/v1", api_key=self.key, max_retries=0, timeout=100)

    def family(self) -> list[psutil.Process]:
        """The server and all that it started."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def resident(self) -> int:
        """Bytes of memory of the process that has the clients, and of those that have the model."""
        return sum(process.memory_info().rss for process in self.family())

    def end(self, how: int = signal.SIGTERM) -> int:
        """How it ended; all that it started is waited for."""
        family = self.family()
        self.process.send_signal(how)
        code = self.process.wait(30)
        _, alive = psutil.wait_procs(family[1:], timeout=30)
        assert not alive, f"left behind: {alive}"
        return code


@contextmanager
def served(model: str, steerings: Path, log: Path, *options: object, port: int | None = None) -> Iterator[Server]:
    """A server that is ready; it is ended afterwards if it still runs. What it says goes to `log`."""
    port = port or free_port()
    given = ["--model", model, "--steering", steerings, "--dtype", "float32", "--port", port, *options]
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*COMMAND, *map(str, given)], stdout=out, stderr=out, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
    server = Server(process, port, model)
    if "--api-key" in options:
        server.key = str(options[options.index("--api-key") + 1])
    try:
        _wait(server, log)
        yield server
    finally:
        if process.poll() is None:
            server.end()


def _wait(server: Server, log: Path) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        assert server.process.poll() is None, log.read_text()[-3000:]
        try:
            if httpx.get(f"{server.address}/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    raise AssertionError(f"not ready: {log.read_text()[-3000:]}")


def free_port() -> int:
    with socket.socket() as lent:
        lent.bind(("127.0.0.1", 0))
        port: int = lent.getsockname()[1]
        return port
