"""An engine that dies in the middle of a run, as a killed process would."""

from collections.abc import Sequence
from dataclasses import dataclass

from steerbench_testkit import ToyEngine

from steerbench.contracts import Choice, Request


class Crash(Exception):  # noqa: N818 - not an error of what is running
    pass


@dataclass
class CrashingEngine(ToyEngine):
    """Dies when it is asked for its chunk number `left`; never if that is -1."""

    # Its code is that of the engine that goes on where it died.
    __module__ = ToyEngine.__module__

    left: int = -1
    chunks: int = 0

    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]:
        if self.chunks == self.left:
            raise Crash
        self.chunks += 1
        return super().choose(requests)
