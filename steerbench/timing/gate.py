"""Compares two timing files: did a method get slower than noise explains?

Seconds from two days or machines cannot be compared, but ratios to a reference timed in the same minute can. So the
change of a case is its ratio in the new file divided by its ratio in the old one.

A case is worse if both of these grew by more than the tolerance:

- the ratio of the median ratios, which one disturbed round cannot move;
- the lower end of the 95 % percentile interval of the ratio of geometric means, with old and new rounds resampled
  independently.

Why geometric means: with few rounds a bootstrap of medians takes only a few values. With six rounds per file (three
alternations) and 5 % noise on each side of a round, it misses 7 of 100 slow-downs by 30 %; geometric means miss 1. An
interval expanded for few rounds, as used for results, misses 4. The plain interval is narrower, but noise must also
exceed the tolerance. False alarms: 1 in 6,000 unchanged cases at 5 % noise, 1 in 300 at 10 %, 1 in 60 at 20 %. At 10 %
noise the rule detects 60 of 100 slow-downs by 30 %; more alternations detect more. Three rounds per file would be too
few, so an alternation has two rounds.
`tests/timing/test_gate.py` tests these figures.
"""

from dataclasses import dataclass

import numpy as np

from steerbench.timing.ratios import TAILS, paired_ratios, resampled
from steerbench.timing.schema import Machine, TimingCase, TimingFile

TOLERANCE = 0.10


@dataclass(frozen=True)
class Change:
    """A case in both files: its median ratios, new divided by old, and the interval of that for geometric means."""

    name: tuple[str, str, str]
    old: float
    new: float
    change: float
    low: float
    high: float
    worse: bool


@dataclass(frozen=True)
class GateResult:
    """The cases in both files, the names of cases in only one, and warnings that weaken the comparison."""

    changes: list[Change]
    only_old: list[tuple[str, str, str]]
    only_new: list[tuple[str, str, str]]
    warnings: list[str]

    @property
    def worse(self) -> list[Change]:
        return [change for change in self.changes if change.worse]


def compare(old: TimingFile, new: TimingFile, tolerance: float = TOLERANCE) -> GateResult:
    """Compare every case that is in both files, in the old file's order."""
    before, after = ({case.name: case for case in timing.cases} for timing in (old, new))
    return GateResult(
        [change_of(before[name], after[name], tolerance) for name in before if name in after],
        [name for name in before if name not in after],
        [name for name in after if name not in before],
        differences(old, new),
    )


def change_of(old: TimingCase, new: TimingCase, tolerance: float) -> Change:
    logs = [np.log(paired_ratios(case.rounds, case.per)) for case in (old, new)]
    rng = np.random.default_rng(0)
    drawn_old, drawn_new = (resampled(values, np.mean, rng) for values in logs)
    low, high = np.exp(np.quantile(drawn_new - drawn_old, TAILS))
    change = new.ratio.median / old.ratio.median
    return Change(
        old.name,
        old.ratio.median,
        new.ratio.median,
        change,
        float(low),
        float(high),
        bool(min(low, change) > 1 + tolerance),
    )


def differences(old: TimingFile, new: TimingFile) -> list[str]:
    """Differences between the files that may change ratios by themselves, each in a few words."""
    found = []
    if _hardware(old.machine) != _hardware(new.machine):
        found.append(f"machines ({hardware(old.machine)}; {hardware(new.machine)})")
    weights = [{name: one.get("weights", "") for name, one in timing.engines.items()} for timing in (old, new)]
    shared = weights[0].keys() & weights[1].keys()
    if old.model != new.model or any(weights[0][name] != weights[1][name] for name in shared):
        found.append(f"models ({old.model}; {new.model})")
    if old.clock != new.clock:
        found.append(f"clocks ({old.clock}; {new.clock})")
    if old.sizes != new.sizes:
        found.append("sizes")
    changed = sorted(name for name in old.methods.keys() & new.methods.keys() if old.methods[name] != new.methods[name])
    return found + [f"parameters of {name}" for name in changed]


def _hardware(machine: Machine) -> tuple[str, str, int]:
    return machine.device, machine.cpu, machine.threads


def hardware(machine: Machine) -> str:
    """In words: "NVIDIA H100, 8 threads"."""
    device = machine.cpu if machine.device == "cpu" else machine.device
    return f"{device}, {machine.threads} {'thread' if machine.threads == 1 else 'threads'}"
