"""Two timing files against each other: did a method get slower, beyond what noise explains?

Seconds of two days or two machines cannot be compared; ratios to a reference that was timed in the same
minute can. So the change of a case is its ratio in the new file by its ratio in the old one.

A case got worse if, by more than the tolerance, both of these have grown:

- the ratio of the median ratios, which one disturbed round cannot move;
- the lower end of the 95 % percentile interval of the ratio of geometric means, old and new rounds resampled apart.

Why so. With few rounds an interval of medians takes only a few values and is blind: with six rounds a file (three
alternations) and 5 % noise on either side of a round it misses 7 of 100 slow-downs by 30 %, where geometric means
miss 1. An interval widened for few rounds, as those of results are, misses 4. What the plain one lacks in
width is made up for by the tolerance, which noise has to overcome first. Of cases in which nothing changed it calls
worse: at 5 % noise 1 in 6,000, at 10 % 1 in 300, at 20 % 1 in 60. At 10 % noise it still catches 60 of 100
slow-downs by 30 %; more alternations catch more. Three rounds a file would be too few for any such rule, and so an
alternation has two.
`tests/timing/test_gate.py` holds it to this.
"""

from dataclasses import dataclass

import numpy as np

from steerbench.timing.ratios import TAILS, paired_ratios, resampled
from steerbench.timing.schema import Machine, TimingCase, TimingFile

TOLERANCE = 0.10


@dataclass(frozen=True)
class Change:
    """A case in both files: median ratio in each, new by old, and the interval of the latter's geometric means."""

    name: tuple[str, str, str]
    old: float
    new: float
    change: float
    low: float
    high: float
    worse: bool


@dataclass(frozen=True)
class GateResult:
    """Cases of both files, names of those in only one of them, and what makes the comparison weaker."""

    changes: list[Change]
    only_old: list[tuple[str, str, str]]
    only_new: list[tuple[str, str, str]]
    warnings: list[str]

    @property
    def worse(self) -> list[Change]:
        return [change for change in self.changes if change.worse]


def compare(old: TimingFile, new: TimingFile, tolerance: float = TOLERANCE) -> GateResult:
    """Every case that both files have, in the old one's order."""
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
    """What differs between the files and may move ratios by itself, each in a few words."""
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
