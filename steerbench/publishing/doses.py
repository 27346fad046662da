"""The calibration of a run: the mean loss over targets at each strength or wording that was tried."""

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from steerbench.contracts import Scored, Task
from steerbench.publishing.schema import CalibrationPoint
from steerbench.records.found_ledgers import reading
from steerbench.records.results import MetricRecord, RunResult, metrics
from steerbench.records.samples import score_of
from steerbench.running.losses import target_costs, target_losses
from steerbench.statistics import mean_estimate

RANGES = 8
"""Most points if every target was asked at its own strengths."""
LEAST = 5
"""Fewest targets per point if the task withholds people's answers. Fewer would reveal how one of them answered."""


class _Asked:
    """One target at one setting: its calibration loss, and its mean cost over items; nan if there is none."""

    def __init__(self, target: str, strength: float, rows: Sequence[Scored], task: Task | None = None) -> None:
        self.target, self.strength = target, strength
        loss, cost = target_losses({target: rows}, task)[target], target_costs({target: rows})[target]
        self.loss = math.nan if loss is None else loss
        self.cost = cost if math.isfinite(cost) else math.nan


def calibration(ledger: Path, task: Task, result: RunResult) -> dict[str, list[CalibrationPoint]]:
    """By method, the points in order of wording and strength; methods with nothing to choose are left out.

    A strength at which all targets were asked is a point of its own. Other strengths are joined into ranges by rank. A
    target whose answers are unreadable or overflowed is left out; `loss.n` counts the others.
    """
    least = LEAST if task.withheld else 1
    found = {}
    for name, by_wording in _asked(ledger, task).items():
        points = [
            point
            for wording, asked in sorted(by_wording.items())
            for group in _groups(asked, least)
            if (point := _point(group, wording, least))
        ]
        if name in result.methods and points:
            found[name] = sorted(points, key=lambda point: (point.wording, point.strength))
    return found


def _asked(ledger: Path, task: Task) -> dict[str, dict[int, list[_Asked]]]:
    """By method and wording, every target at every setting it was asked at."""
    query = "SELECT method, wording, target, strength, item, score FROM samples WHERE split = 'calibration'"
    rows: defaultdict[tuple[str, int, str, float], list[Scored]] = defaultdict(list)
    with reading(ledger) as connection:
        for method, wording, target, strength, item, score in connection.execute(query):
            rows[method, wording, target, strength].append(Scored(target, item, score_of(score)))
    found: defaultdict[str, defaultdict[int, list[_Asked]]] = defaultdict(lambda: defaultdict(list))
    for (method, wording, target, strength), scored in sorted(rows.items()):
        found[method][wording].append(_Asked(target, strength, scored, task))
    return {name: dict(by_wording) for name, by_wording in found.items()}


def _groups(asked: Sequence[_Asked], least: int) -> list[list[_Asked]]:
    """The groups that become a point each: a strength of all targets, or a range of the other strengths."""
    by_strength: defaultdict[float, list[_Asked]] = defaultdict(list)
    for one in asked:
        by_strength[one.strength].append(one)
    targets = {one.target for one in asked}
    shared = [group for group in by_strength.values() if {one.target for one in group} == targets]
    own = [group for group in by_strength.values() if {one.target for one in group} != targets]
    return shared + _ranges(sorted(own, key=lambda group: group[0].strength), least)


def _ranges(by_strength: Sequence[list[_Asked]], least: int) -> list[list[_Asked]]:
    """Joins neighbouring strengths into the most ranges of about equal size that have enough targets each."""
    total = sum(map(len, by_strength))
    joined: list[list[_Asked]] = []
    for count in range(RANGES, 0, -1):
        ranges: defaultdict[int, list[_Asked]] = defaultdict(list)
        before = 0
        for group in by_strength:
            # By its middle rank, so that one strength is never in two ranges.
            ranges[int((before + len(group) / 2) * count / total)] += group
            before += len(group)
        joined = list(ranges.values())
        if all(len({one.target for one in group if not math.isnan(one.loss)}) >= least for group in joined):
            break
    return joined


def _point(group: Sequence[_Asked], wording: int, least: int) -> CalibrationPoint | None:
    """A group as a point; None if too few targets have a loss."""
    loss, cost = (_mean(group, what) for what in ("loss", "cost"))
    if loss is None or loss.n < least:
        return None
    # The median by rank is a strength that was asked; the mean of two might be another point's.
    strengths = sorted(one.strength for one in group)
    if cost is not None and cost.n < least:
        cost = None
    return CalibrationPoint(strength=strengths[(len(strengths) - 1) // 2], wording=wording, loss=loss, cost=cost)


def _mean(group: Sequence[_Asked], what: str) -> MetricRecord | None:
    """Mean over targets, each with its own mean over the group."""
    by_target: defaultdict[str, list[float]] = defaultdict(list)
    for one in group:
        if not math.isnan(value := getattr(one, what)):
            by_target[one.target].append(value)
    if not by_target:
        return None
    found = mean_estimate(np.array([float(np.mean(values)) for _, values in sorted(by_target.items())]))
    return metrics({what: found})[what]
