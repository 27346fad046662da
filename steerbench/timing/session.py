"""Runs the cases with pytest-benchmark in this process, and returns its records."""

import contextlib
import gc
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest

from steerbench.contracts import Request
from steerbench.timing.schema import Clock
from steerbench.timing.work import Work, Workload

CASES = Path(__file__).with_name("cases.py")
PAIRS = 2

Heard = Callable[[str, int, int], None]
"""Called with what is being timed, the number of finished steps, and the total."""
CountTokens = Callable[[str, Sequence[Request]], int]
"""From an engine's name and requests to their total number of prompt tokens."""


@dataclass(frozen=True)
class RoundSide:
    """One side of one round of a case."""

    load: Workload
    alternation: int
    pair: int
    is_method: bool
    method_first: bool

    @property
    def id(self) -> str:
        side = self.load.method if self.is_method else f"reference-of-{self.load.method}"
        return f"{self.alternation}-{self.load.engine}-{self.load.group}-{side}-{self.pair}"

    @property
    def warms_up(self) -> bool:
        return self.alternation == 0 and self.pair == 0

    def work(self) -> Work:
        method, reference = self.load.sides(f"{self.alternation + 1}.{self.pair + 1}")
        return method if self.is_method else reference

    def info(self) -> dict[str, Any]:
        return {
            "group": self.load.group,
            "method": self.load.method,
            "engine": self.load.engine,
            "alternation": self.alternation,
            "pair": self.pair,
            "side": "method" if self.is_method else "reference",
            "method_first": self.method_first,
        }


def steps(loads: Sequence[Workload], alternations: int) -> list[RoundSide]:
    """All steps in order. Alternations are the outermost loop. Within one, each case runs reference, method, method,
    reference; every second alternation swaps the two."""
    return [
        RoundSide(load, alternation, pair, is_method, method_first)
        for alternation in range(alternations)
        for load in loads
        for pair in range(PAIRS)
        for method_first in [(alternation + pair) % 2 == 1]
        for is_method in ((True, False) if method_first else (False, True))
    ]


class Conductor:
    """A pytest plug-in that passes the steps to the cases, and stores the error that stopped them."""

    steps: ClassVar = pytest.StashKey[list[RoundSide]]()
    about: ClassVar = pytest.StashKey[dict[str, Any]]()
    count_tokens: ClassVar = pytest.StashKey[CountTokens]()

    def __init__(self, todo: list[RoundSide], about: dict[str, Any], count_tokens: CountTokens, heard: Heard) -> None:
        self._todo, self._about, self._count_tokens, self._heard = todo, about, count_tokens, heard
        self._done = 0
        self.error: BaseException | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[Conductor.steps] = self._todo
        config.stash[Conductor.about] = self._about
        config.stash[Conductor.count_tokens] = self._count_tokens

    def pytest_runtest_logstart(self) -> None:
        if self._done < len(self._todo):
            self._heard(self._todo[self._done].id, self._done, len(self._todo))
        self._done += 1

    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        self.error = call.excinfo.value if call.excinfo else None


def measure(
    todo: list[RoundSide], clock: Clock, about: dict[str, Any], count_tokens: CountTokens, heard: Heard
) -> list[dict[str, Any]]:
    """Run the steps; returns, in their order, each one's `extra_info` and `seconds`."""
    conductor = Conductor(todo, about, count_tokens, heard)
    with TemporaryDirectory(prefix="steerbench-timing-") as folder, _undisturbed():
        settings, written = Path(folder) / "pytest.ini", Path(folder) / "benchmarks.json"
        settings.write_text("[pytest]\n")
        arguments = [
            *("-c", str(settings), "--rootdir", folder, "--noconftest", "--import-mode=importlib"),
            *("-p", "benchmark", "-p", "no:cacheprovider", "--capture=no", "--exitfirst"),
            *("--benchmark-only", "--benchmark-quiet", "--benchmark-disable-gc", f"--benchmark-json={written}"),
            f"--benchmark-storage=file://{folder}",
            f"--benchmark-timer=steerbench.timing.timer.{clock}",
            str(CASES),
        ]
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = pytest.main(arguments, plugins=[conductor])
        if conductor.error is not None:
            raise conductor.error
        if code == pytest.ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        if code != pytest.ExitCode.OK:
            raise RuntimeError(f"pytest-benchmark ended with {code!r}: {output.getvalue()}")
        benchmarks = json.loads(written.read_text(encoding="utf-8"))["benchmarks"]
    return [{**one["extra_info"], "seconds": one["stats"]["data"][0]} for one in benchmarks]


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Context manager in which pytest ignores plug-ins and options from the user's environment, and the garbage
    collection before every round skips objects that exist already (all of torch)."""
    wanted = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
