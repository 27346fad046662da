"""Published timings, grouped by what is comparable: machine, model, engine and amount of work."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

from steerbench.errors import UserError
from steerbench.publishing.speed import BenchTiming, Computer, PublishedSpeed, read_speed
from steerbench.timing.schema import GROUPS, Clock, SideMeasurement, Sizes, TimingCase

NAMED = 5
"""Maximum refused files named in one error."""
LATEST = 24
"""Maximum points of a history."""


@dataclass(frozen=True)
class TimedCase:
    """A case in one file."""

    speed: PublishedSpeed
    case: TimingCase


@dataclass(frozen=True)
class MethodTimings:
    """A method at one kind of work, in every file with the same parameters; the latest is last."""

    method: str
    points: Sequence[TimedCase]

    @property
    def case(self) -> TimingCase:
        return self.points[-1].case

    @property
    def speed(self) -> PublishedSpeed:
        return self.points[-1].speed

    @property
    def seconds(self) -> float:
        return median(one.method.seconds for one in self.case.rounds)

    @property
    def tokens_per_second(self) -> tuple[float, float]:
        """Those of the method and of its reference. Prompt tokens count if reading them is the work."""
        sides = [(self._rate(one.method), self._rate(one.reference)) for one in self.case.rounds]
        return median(own for own, _ in sides), median(reference for _, reference in sides)

    @property
    def peak_memory_bytes(self) -> int | None:
        return max((p for one in self.case.rounds if (p := one.method.peak_memory_bytes) is not None), default=None)

    def _rate(self, side: SideMeasurement) -> float:
        read = 0 if self.case.group == "generate" else side.prompt_tokens
        return (read + side.generated_tokens) / side.seconds


@dataclass(frozen=True)
class Setup:
    """What comparable timings have in common; `files` are theirs, the latest last."""

    computer: Computer
    clock: Clock
    model: str
    engine: str
    sizes: Sizes
    files: tuple[PublishedSpeed, ...]

    @property
    def latest(self) -> PublishedSpeed:
        return self.files[-1]

    @property
    def dtype(self) -> str:
        timing = self.latest.timing
        return timing.engines.get(self.engine, {}).get("dtype", "") if timing else ""

    @cached_property
    def lines(self) -> dict[str, list[MethodTimings]]:
        """The lines by group, in the order of the methods in a file."""
        found: defaultdict[tuple[str, str], list[TimedCase]] = defaultdict(list)
        for speed in self.files:
            for case in speed.timing.cases if speed.timing else ():
                if case.engine == self.engine:
                    found[case.group, case.method].append(TimedCase(speed, case))
        by_group: dict[str, list[MethodTimings]] = {group: [] for group in GROUPS}
        for (group, method), points in found.items():
            asked = _parameters(points[-1])
            by_group[group].append(MethodTimings(method, [p for p in points if _parameters(p) == asked][-LATEST:]))
        return {group: lines for group, lines in by_group.items() if lines}


@dataclass(frozen=True)
class BenchmarkRatio:
    """A ratio from one of the project's benchmarks; `values` are by file of its machine, None if it was not run."""

    test: str
    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Checks:
    """The project's benchmarks on one machine, from its latest files, the latest first."""

    computer: Computer
    files: tuple[PublishedSpeed, ...]

    @cached_property
    def ratios(self) -> list[BenchmarkRatio]:
        told = [{(one.test, one.ratio): one.value for one in speed.benchmarks} for speed in self.files]
        names = dict.fromkeys(name for by_name in told for name in by_name)
        return [BenchmarkRatio(*name, [by_name.get(name) for by_name in told]) for name in names]


def read_speeds(folder: Path) -> list[PublishedSpeed]:
    """The published timings in a folder, in the order of their commits; none if there is no such folder.

    Raises:
        UserError: one cannot be read.
    """
    speeds, refused = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            speeds.append(read_speed(path))
        except UserError as error:
            refused.append(str(error))
    if refused:
        more = f" And {len(refused) - NAMED} more." if len(refused) > NAMED else ""
        raise UserError(" ".join(refused[:NAMED]) + more)
    return sorted(speeds, key=lambda speed: (speed.moment, speed.created))


def setups_of(speeds: Sequence[PublishedSpeed]) -> list[Setup]:
    """All setups, the one timed last first."""
    found: defaultdict[tuple[str, ...], list[PublishedSpeed]] = defaultdict(list)
    for speed in speeds:
        if speed.timing is not None:
            for engine in dict.fromkeys(case.engine for case in speed.timing.cases):
                found[_key(speed, speed.timing, engine)].append(speed)
    setups = []
    for (*_, engine), files in found.items():
        timing = files[-1].timing
        assert timing is not None
        setups.append(Setup(files[-1].computer, timing.clock, timing.model, engine, timing.sizes, tuple(files)))
    return sorted(setups, key=lambda setup: setup.latest.moment, reverse=True)


def checks_of(speeds: Sequence[PublishedSpeed], most: int) -> list[Checks]:
    """The benchmarks of each machine, from its `most` latest files."""
    found: defaultdict[str, list[PublishedSpeed]] = defaultdict(list)
    for speed in speeds:
        if speed.benchmarks:
            found[speed.computer.model_dump_json()].append(speed)
    return [Checks(files[-1].computer, tuple(files[: -most - 1 : -1])) for files in found.values()]


def _key(speed: PublishedSpeed, timing: BenchTiming, engine: str) -> tuple[str, ...]:
    told = timing.engines.get(engine, {})
    weights = [told.get(name, "") for name in ("weights", "dtype", "device")]
    machine, sizes = speed.computer.model_dump_json(), timing.sizes.model_dump_json()
    return machine, timing.clock, timing.model, *weights, sizes, engine


def _parameters(point: TimedCase) -> object:
    timing = point.speed.timing
    return timing.methods.get(point.case.method) if timing else None
