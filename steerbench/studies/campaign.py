"""Campaigns: many ordinary runs, one after the other, on one loaded model and under one judge budget.

Every run has its own folder, the one it would have alone: a campaign that was stopped goes on, and what was measured
before is not measured again.
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

    `judge_budget` is the most that judges may cost over all runs together.
    """

    out: Path
    engine: Engine
    progress: Progress = field(default_factory=Silent)
    judge_budget: float | None = None
    spent: float = field(default=0.0, init=False)
    """What the judges of the runs so far took."""

    def run(self, plan: Plan, label: str) -> FinishedRun:
        """Make a run, go on with it, or read it if it has finished; `label` says in the progress which one it is.

        Raises:
            UserError: it cannot be made (as `prepare` and `execute`), or the budget is spent.
        """
        # Prepared only now: a task holds its data, and those of 200 runs need not be held at once.
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
        """Make the runs of labelled plans, in their order.

        Raises:
            UserError: one cannot be made; those before it stay.
        """
        return [self.run(plan, numbered(label, place, len(plans))) for place, (label, plan) in enumerate(plans, 1)]


def numbered(label: str, place: int, of: int) -> str:
    """The label of a run in the progress, with its place (from 1) among the runs."""
    return f"{label}, run {place} of {of}"


@dataclass(frozen=True, eq=False)
class Labelled:
    """A `Progress` that says of each stage which run it belongs to."""

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
    """What the judges of a run took; a judge of several roles is counted once."""
    judges: dict[str, Any] = {json.dumps([j.name, j.identity], sort_keys=True): j.cost for j in result.judges.values()}
    return float(sum(judges.values()))


def _cost_so_far(folder: Path) -> float:
    """What the judges of a run that was broken off took; nothing if it had not begun."""
    if not (folder / LEDGER).exists():
        return 0.0
    with reading(folder / LEDGER) as connection:
        return float(connection.execute("SELECT coalesce(sum(cost), 0.0) FROM verdicts").fetchone()[0])
