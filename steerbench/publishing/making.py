"""Builds what a published plan needs again: its task, its rows, and the fits that need no model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from steerbench.contracts import Engine, Split, Task
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Target
from steerbench.plugins.composed import fit, names
from steerbench.plugins.finding import available
from steerbench.publishing.schema import Published
from steerbench.records.plan import PlanRow, build_rows


@dataclass(frozen=True, eq=False)
class RebuiltPlan:
    """`rows` by name, empty if a method of the run is not installed here (`absent`); `targets` by id.

    `fits` has steerings of unit strength by row and target, for the rows whose fit needs no model.
    """

    task: Task
    targets: Mapping[str, Target]
    rows: Mapping[str, PlanRow]
    fits: Mapping[str, Mapping[str, Steering]]


def absent(published: Published) -> list[str]:
    """The methods of a run that are not installed here."""
    specs = dict.fromkeys([*published.plan.methods, *published.methods])
    return sorted({part for spec in specs for part in names(spec)} - available("method").keys())


def made(published: Published, task: Task) -> RebuiltPlan:
    """Builds rows, targets and fits of a plan for the task that was built from it.

    Raises:
        UserError: a method does not have a given parameter.
    """
    targets = {target.id: target for target in task.targets(Split.TEST)}
    rows = {} if absent(published) else {row.name: row for row in build_rows(published.plan, task)}
    fits = {name: found for name, row in rows.items() if (found := _fits(row, list(targets.values()))) is not None}
    return RebuiltPlan(task, targets, rows, fits)


def _fits(row: PlanRow, targets: Sequence[Target]) -> dict[str, Steering] | None:
    """A row's fits; None if they need the model."""
    engine = cast(Engine, _Nobody() if row.method.needs_model else None)
    try:
        steerings = fit(row.method, engine, targets)
    except Exception:  # it needs the model, or its data are not here: its fits are unknown
        return None
    return dict(zip([target.id for target in targets], steerings, strict=True))


class _Nobody:
    """Takes the place of an engine; any use of it raises."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"asked for {name}")
