"""Records what a method asks of an engine during fitting, so that it can be repeated without the method."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from steerbench.contracts import Activations, Choice, Completion, Engine, NeuronStatistics, Request, Sampling, surveying
from steerbench.contracts.edits import Site
from steerbench.storage.files import cache_folder

_SESSIONS = count()


@dataclass(frozen=True)
class Call:
    """One call of the engine: its requests, and a function that only runs them."""

    requests: Sequence[Request]
    plain: Callable[[], Sequence[Completion]]


class Recorder:
    """An engine that forwards every call and records it.

    Its identity is new each time, so that results which a method caches by the engine's identity are computed again.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._session = f"{os.getpid()}-{next(_SESSIONS)}"
        self.calls: list[Call] = []
        self.generated: list[Completion] = []

    @property
    def engine(self) -> Engine:
        """This object as an `Engine`. `__getattr__` provides the methods, which a type checker cannot see."""
        return cast(Engine, self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def identity(self) -> Mapping[str, str]:
        return {**self._engine.identity(), "timed": self._session}

    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]:
        self._keep(requests, lambda: self._engine.choose(requests))
        return self._engine.choose(requests)

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Sequence[Completion]:
        self.calls.append(Call(requests, lambda: self._engine.generate(requests, sampling)))
        said = self._engine.generate(requests, sampling)
        self.generated += said
        return said

    def survey(
        self, requests: Sequence[Request], sampling: Sampling, groups: Sequence[int]
    ) -> tuple[Sequence[Completion], NeuronStatistics]:
        self.calls.append(Call(requests, lambda: self._engine.generate(requests, sampling)))
        said, statistics = surveying(self._engine).survey(requests, sampling, groups)
        self.generated += said
        return said, statistics

    def capture(self, requests: Sequence[Request], sites: Sequence[Site], front: int = 0) -> Activations:
        self._keep(requests, lambda: self._engine.capture(requests, sites, front))
        return self._engine.capture(requests, sites, front)

    def _keep(self, requests: Sequence[Request], ask: Callable[[], object]) -> None:
        def plain() -> Sequence[Completion]:
            ask()
            return ()

        self.calls.append(Call(requests, plain))


@contextmanager
def throwaway_cache() -> Iterator[None]:
    """Context manager: the user's cache can be read, but everything written to it is discarded on exit."""
    before = os.environ.get("STEERBENCH_CACHE")
    with TemporaryDirectory(prefix="steerbench-timing-") as folder:
        copy = Path(folder) / "cache"
        if cache_folder().is_dir():
            shutil.copytree(cache_folder().resolve(), copy, copy_function=_link)
        os.environ["STEERBENCH_CACHE"] = str(copy)
        try:
            yield
        finally:
            os.environ.pop("STEERBENCH_CACHE")
            if before is not None:
                os.environ["STEERBENCH_CACHE"] = before


def _link(source: str, target: str) -> None:
    Path(target).symlink_to(source)
