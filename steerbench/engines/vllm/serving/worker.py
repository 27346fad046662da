"""The server's worker, which ends when the server does."""

import os
import signal
import threading
import time
from contextlib import suppress
from typing import Any

import psutil

from steerbench.engines.vllm.serving import SERVER
from steerbench.engines.vllm.worker import SteeringWorker

OFTEN = 0.5
"""Seconds between two checks that the server is running."""


class ServedWorker(SteeringWorker):
    """Ends with the server. vLLM's engine outlives a killed server and would keep memory that the next one needs."""

    def load_model(self, **how: Any) -> None:
        watch = threading.Thread(target=end_with, args=(int(os.environ[SERVER]),), name="end with server", daemon=True)
        watch.start()
        super().load_model(**how)


def end_with(process: int) -> None:
    """Wait until a process has ended, then end this one."""
    with suppress(psutil.NoSuchProcess):
        watched = psutil.Process(process)
        while watched.status() != psutil.STATUS_ZOMBIE:
            time.sleep(OFTEN)
    # Immediate exit: nothing is left to finish, and a worker that waits for work ignores SIGTERM.
    os.kill(os.getpid(), signal.SIGKILL)
