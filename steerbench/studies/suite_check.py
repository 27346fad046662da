"""Checks a plan before any run is made: whether all it names exists, and what it takes from another run is there."""

from collections.abc import Sequence
from dataclasses import dataclass

from steerbench.contracts import Method, Split, Task
from steerbench.contracts.targets import Target
from steerbench.errors import UserError
from steerbench.plugins.finding import find
from steerbench.plugins.parameters import checked, construct
from steerbench.records.plan import Plan, PlanRow, build_judges, build_rows, build_task
from steerbench.running import strengths

DATASET = "dataset"
"""The parameter by which tasks name their data."""


class UnavailableError(UserError):
    """Nothing is wrong with the plan, but its task's data cannot be had."""


@dataclass(frozen=True)
class Verified:
    """What may be asked of a plan that can be run: its rows, their methods, and the targets they have strengths for."""

    rows: tuple[str, ...]
    methods: tuple[Method, ...]
    targets: tuple[str, ...]

    def strengths(self) -> dict[str, dict[str, float]]:
        """By row and target, a strength that stands for the one not known yet."""
        return {row: dict.fromkeys(self.targets, 1.0) for row in self.rows}


def verify(plan: Plan, source: Verified | None = None) -> Verified:
    """Build all that a plan names, but for the model. `source` is the run whose strengths it will take.

    Raises:
        UnavailableError: its task's data cannot be had.
        UserError: the plan asks for what does not exist.
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
    """A task that refuses its parameters, but is content with its data alone, is asked for what it has not."""
    checked("task", plan.task, plan.task_parameters, find("task", plan.task))
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
