"""Strengths that are given, not searched: one for all targets, or an earlier run's choices with its wordings."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from steerbench.contracts import Method, Task, has_dial
from steerbench.contracts.setting import Setting
from steerbench.contracts.targets import Respondent, Target
from steerbench.errors import UserError
from steerbench.records.plan import Plan, PlanRow
from steerbench.records.results import MethodResult


class FrozenChoices(NamedTuple):
    """A run's frozen settings by method and target, in the form of `Plan.strengths` and `Plan.wordings`."""

    strengths: dict[str, dict[str, float]]
    wordings: dict[str, dict[str, int]]


NOTHING = FrozenChoices({}, {})


def chosen_in(rows: Mapping[str, MethodResult]) -> FrozenChoices:
    return FrozenChoices(
        {name: dict(row.strengths) for name, row in rows.items() if row.strengths},
        {name: dict(row.wordings) for name, row in rows.items() if row.wordings},
    )


def measures_only(task: Task) -> bool:
    """Whether a task cannot choose strengths, because its items do not measure the trait."""
    return not task.chooses_strengths


def check_strengths(plan: Plan, task: Task, rows: Sequence[PlanRow]) -> None:
    """Raises UserError: a row's strength is not given and cannot be chosen on this task."""
    turned = [row.name for row in rows if has_dial(row.method)]
    if plan.strengths:
        for name in [_source(row.method, row.name, plan) for row in rows if has_dial(row.method)]:
            if name not in plan.strengths:
                raise UserError(
                    f"The run that strengths come from has no row '{name}'; measure it there first, or leave it out."
                )
    elif turned and measures_only(task) and plan.strength is None:
        raise UserError(
            f"{task.name} cannot choose a strength for {turned[0]}; give --strength, or --strengths-from "
            "a run that chose one."
        )


def given(plan: Plan, task: Task, name: str, method: Method, targets: Sequence[Target]) -> dict[str, Setting] | None:
    """By target, a row's setting if nothing has to be searched; None if strengths or wordings have to be tried.

    Raises:
        UserError: strengths are taken from a run that has none for a target.
    """
    low, _ = method.strengths
    if has_dial(method):
        if plan.strengths:
            source = _source(method, name, plan)
            return {target.id: Setting(_of(plan.strengths[source], target, source)) for target in targets}
        return None if plan.strength is None else {target.id: Setting(plan.strength) for target in targets}
    if not method.needs_model or plan.strength is not None or plan.strengths or measures_only(task):
        worded = plan.wordings.get(name, {})
        return {target.id: Setting(low, worded.get(_origin(target), 0)) for target in targets}
    return None


def _source(method: Method, name: str, plan: Plan) -> str:
    """The row whose strengths are used. A control matched to a method uses that method's, so that their norms agree."""
    return method.of if method.of in plan.strengths else name


def _of(strengths: Mapping[str, float], target: Target, name: str) -> float:
    sought = _origin(target)
    if sought not in strengths:
        raise UserError(
            f"The run that strengths come from has none of '{name}' towards {sought}; it has {', '.join(strengths)}."
        )
    return strengths[sought]


def _origin(target: Target) -> str:
    """The target for which settings were chosen: for a changed copy of a person, the original person."""
    return (isinstance(target, Respondent) and target.origin) or target.id
