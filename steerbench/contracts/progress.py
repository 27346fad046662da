"""Progress reports of a run. The runner prints nothing itself; its caller may pass a listener."""

from typing import Protocol


class Progress(Protocol):
    """Is told of a run's stages: each is started, advances, and is finished."""

    def started(self, stage: str, method: str, targets: int, requests: int) -> None:
        """A stage (fit, calibrate, evaluate) of a method; `requests` is 0 where they cannot be counted."""
        ...

    def advance(self, requests: int) -> None: ...

    def rated(self, done: int, total: int) -> None:
        """Within a stage: judges have given `done` of the `total` verdicts they are being asked for."""
        ...

    def finished(self) -> None: ...


class Silent:
    """Ignores everything."""

    def started(self, stage: str, method: str, targets: int, requests: int) -> None: ...

    def advance(self, requests: int) -> None: ...

    def rated(self, done: int, total: int) -> None: ...

    def finished(self) -> None: ...
