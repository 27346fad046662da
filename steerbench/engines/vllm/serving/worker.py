"""The worker of a server: it ends with it."""

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
"""Seconds between two looks whether the server is there."""


class ServedWorker(SteeringWorker):
    """vLLM's engine outlives a server that was killed, and would keep the memory that the next one needs."""

    def load_model(self, **how: Any) -> None:
        watch = threading.Thread(target=end_with, args=(int(os.environ[SERVER]),), name="end with server", daemon=True)
        watch.start()
        super().load_model(**how)


def end_with(process: int) -> None:
    """Wait for a process to end, and then end this one."""
    with suppress(psutil.NoSuchProcess):
        watched = psutil.Process(process)
        while watched.status() != psutil.STATUS_ZOMBIE:
            time.sleep(OFTEN)
    # Nobody is left to finish anything for, and a worker that waits for work does not heed a SIGTERM.
    os.kill(os.getpid(), signal.SIGKILL)
