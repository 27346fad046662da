"""Campaigns: many ordinary runs in sequence, on one loaded model and under one judge budget.

Every run has the folder that it would have alone. So a campaign that was stopped continues, and nothing is measured
twice.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steerbench.contracts import Engine
from steerbench.contracts.progress import Progress, Silent
from steerbench.errors import UserError
from steerbench.records.found_ledgers import LEDGER, reading
from steerbench.records.plan import Plan
from steerbench.records.results import RunResult
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute


@dataclass(frozen=True)
class FinishedRun:
    """A finished run of a campaign."""

    result: RunResult
    folder: Path


@dataclass
class Campaign:
    """Makes runs under `out` on `engine`, which has the model of all their plans.

    `judge_budget` is the most that judges may cost, over all runs.
    """

    out: Path
    engine: Engine
    progress: Progress = field(default_factory=Silent)
    judge_budget: float | None = None
    spent: float = field(default=0.0, init=False)
    """What the judges of the runs so far have cost."""

    def run(self, plan: Plan, label: str) -> FinishedRun:
        """Makes or continues a run, or reads it if it has finished. `label` names the run in the progress.

        Raises:
            UserError: the run cannot be made (as in `prepare` and `execute`), or the budget is spent.
        """
        # Prepared one at a time: a task holds its data, and 200 of them need not be in memory at once.
        prepared = prepare(plan, engine=self.engine)
        folder = prepared.folder(self.out)
        left = None if self.judge_budget is None else max(self.judge_budget - self.spent, 0.0)
        try:
            result = execute(prepared, folder, Labelled(self.progress, label), left)
        except UserError:
            self.spent += _cost_so_far(folder)
            raise
        self.spent += cost(result)
        return FinishedRun(result, folder)

    def run_all(self, plans: Sequence[tuple[str, Plan]]) -> list[FinishedRun]:
        """Makes the runs of labelled plans in order.

        Raises:
            UserError: a run cannot be made; those before it are kept.
        """
        return [self.run(plan, numbered(label, place, len(plans))) for place, (label, plan) in enumerate(plans, 1)]


def numbered(label: str, place: int, of: int) -> str:
    """A run's label in the progress, with its position (from 1) among the runs."""
    return f"{label}, run {place} of {of}"


@dataclass(frozen=True, eq=False)
class Labelled:
    """A `Progress` that adds a run's label to each stage."""

    heard: Progress
    label: str

    def started(self, stage: str, method: str, targets: int, requests: int) -> None:
        self.heard.started(stage, f"{method} ({self.label})", targets, requests)

    def advance(self, requests: int) -> None:
        self.heard.advance(requests)

    def rated(self, done: int, total: int) -> None:
        self.heard.rated(done, total)

    def finished(self) -> None:
        self.heard.finished()


def cost(result: RunResult) -> float:
    """What the judges of a run cost; a judge with several roles is counted once."""
    judges: dict[str, Any] = {json.dumps([j.name, j.identity], sort_keys=True): j.cost for j in result.judges.values()}
    return float(sum(judges.values()))


def _cost_so_far(folder: Path) -> float:
    """What the judges of an interrupted run have cost; 0 if it had not started."""
    if not (folder / LEDGER).exists():
        return 0.0
    with reading(folder / LEDGER) as connection:
        return float(connection.execute("SELECT coalesce(sum(cost), 0.0) FROM verdicts").fetchone()[0])
