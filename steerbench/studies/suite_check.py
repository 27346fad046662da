"""Checks a plan before any run is made: that all it names exists, and that strengths from another run are there."""

from collections.abc import Sequence
from dataclasses import dataclass

from steerbench.contracts import Method, Split, Task
from steerbench.contracts.targets import Target
from steerbench.errors import UserError
from steerbench.plugins.plugin import construct, resolve
from steerbench.records.plan import Plan, PlanRow, build_judges, build_rows, build_task
from steerbench.running import strengths

DATASET = "dataset"
"""The parameter that names a task's data."""


class UnavailableError(UserError):
    """The plan is valid, but its task's data are not available."""


@dataclass(frozen=True)
class Verified:
    """A plan that can be run: its rows, their methods, and the targets that they have strengths for."""

    rows: tuple[str, ...]
    methods: tuple[Method, ...]
    targets: tuple[str, ...]

    def strengths(self) -> dict[str, dict[str, float]]:
        """By row and target, a placeholder for strengths that are not known yet."""
        return {row: dict.fromkeys(self.targets, 1.0) for row in self.rows}


def verify(plan: Plan, source: Verified | None = None) -> Verified:
    """Builds all that a plan names except the model. `source` is the run whose strengths it will take.

    Raises:
        UnavailableError: the task's data are not available.
        UserError: the plan names something that does not exist.
    """
    task = _task(plan)
    rows = build_rows(plan, task)
    build_judges(plan, task)
    if source is not None:
        plan = plan.model_copy(update={"strengths": source.strengths()})
    strengths.check_strengths(plan, task, rows)
    targets = task.targets(Split.TEST)
    _check_targets(plan, task, rows, targets)
    methods = tuple(row.method for row in rows)
    return Verified(tuple(row.name for row in rows), methods, tuple(target.id for target in targets))


def _task(plan: Plan) -> Task:
    """The plan's task. If even the data alone cannot be opened, they are missing; otherwise a parameter is wrong."""
    resolve("task", plan.task).checked(plan.task_parameters)
    try:
        return build_task(plan)
    except UserError as error:
        data = {name: value for name, value in plan.task_parameters.items() if name == DATASET}
        try:
            construct("task", plan.task, data)
        except UserError:
            raise UnavailableError(str(error)) from error
        raise


def _check_targets(plan: Plan, task: Task, rows: Sequence[PlanRow], targets: Sequence[Target]) -> None:
    if plan.strengths:
        for row in rows:
            strengths.given(plan, task, row.name, row.method, targets)
