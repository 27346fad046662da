"""Builds everything that a plan names (task, rows, judges, engine), checked and identified before anything is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from steerbench.contracts import Engine, Judge, Task
from steerbench.judging.panel import refuse_self_judging
from steerbench.models.embedded import EMBEDDED
from steerbench.records.plan import (
    Identity,
    Plan,
    PlanRow,
    adapted_row,
    build_judges,
    build_rows,
    build_task,
    code_of_run,
    identify,
)
from steerbench.running import strengths
from steerbench.running.controls import check_controls
from steerbench.running.opening import open_engine
from steerbench.running.summary import check_board


@dataclass(frozen=True, eq=False)
class Prepared:
    """A plan with everything it names built, checked and identified: ready to run."""

    plan: Plan
    task: Task
    rows: list[PlanRow]
    engine: Engine | None
    identity: Identity
    judges: Mapping[str, Judge] = field(default_factory=dict)

    def folder(self, out: Path) -> Path:
        """The run's folder under `out`; the same plan always has the same folder."""
        methods = "-".join(self.plan.methods)[:60].rstrip("-+")
        return out / f"{self.plan.task}-{methods}-{self.identity.digest[:10]}"


def prepare(plan: Plan, device: str | None = None, engine: Engine | None = None) -> Prepared:
    """Builds the task, the methods and, if a row or judge needs it, the engine with its model.

    `engine` is one that already has the plan's model loaded; it may be shared with other runs.

    Raises:
        UserError: something the plan names does not exist, is not available or does not fit the model.
    """
    task = build_task(plan)
    check_board(task)
    rows = build_rows(plan, task)
    strengths.check_strengths(plan, task, rows)
    check_controls(task, rows)
    judges = build_judges(plan, task)
    needed = any(row.method.needs_model for row in rows) or any(judge.needs_model for judge in judges.values())
    engine = (engine or open_engine(plan, device)) if needed else None
    if engine is not None:
        rows = [adapted_row(row, engine) for row in rows]
        refuse_self_judging(judges, engine.identity(), plan.model or EMBEDDED)
    code = code_of_run(plan, rows, task, judges, engine)
    identity = identify(plan, rows, engine.identity() if engine else None, task.identity(), code, judges)
    return Prepared(plan, task, rows, engine, identity, judges)
