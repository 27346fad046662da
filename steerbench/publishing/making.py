"""What a published plan makes, built here once more: its task, its rows, and the fits that need no model."""

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
    """`rows` by name, none if a method of the run is not installed here (`absent`); `targets` by id.

    `fits` has, by row and target, steerings of unit strength: of the rows whose fit does not ask the model.
    """

    task: Task
    targets: Mapping[str, Target]
    rows: Mapping[str, PlanRow]
    fits: Mapping[str, Mapping[str, Steering]]


def absent(published: Published) -> list[str]:
    """The single methods of a run that are not installed here: somebody's own."""
    specs = dict.fromkeys([*published.plan.methods, *published.methods])
    return sorted({part for spec in specs for part in names(spec)} - available("method").keys())


def made(published: Published, task: Task) -> RebuiltPlan:
    """What the plan makes of a task that was built from it.

    Raises:
        UserError: a parameter that a method does not take.
    """
    targets = {target.id: target for target in task.targets(Split.TEST)}
    rows = {} if absent(published) else {row.name: row for row in build_rows(published.plan, task)}
    fits = {name: found for name, row in rows.items() if (found := _fits(row, list(targets.values()))) is not None}
    return RebuiltPlan(task, targets, rows, fits)


def _fits(row: PlanRow, targets: Sequence[Target]) -> dict[str, Steering] | None:
    """None where the fit asks the model."""
    engine = cast(Engine, _Nobody() if row.method.needs_model else None)
    try:
        steerings = fit(row.method, engine, targets)
    except Exception:  # it asked the model, or its data are not here: what it would have fitted is not known
        return None
    return dict(zip([target.id for target in targets], steerings, strict=True))


class _Nobody:
    """Stands where an engine would; whoever asks it anything has to do without."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"asked for {name}")
