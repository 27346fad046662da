"""What a trade-off is asked to measure (methods, poles, tasks of effect and costs), and the plans of its runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from steerbench.contracts import Split, Task, has_dial
from steerbench.contracts.roles import UNSTEERED
from steerbench.errors import UserError, unknown
from steerbench.plugins.composed import build_method
from steerbench.plugins.plugin import resolve
from steerbench.records.plan import Plan, build_judges, build_rows, build_task
from steerbench.running.calibration import spaced

Part = Literal["calibration", "test"]


@dataclass(frozen=True)
class Tradeoff:
    """`base` is the plan of the effect: all methods, the effect's task and judges, and the model.

    `costs` has the parameters of the tasks that measure costs, by name. `levels` is the number of strengths of each
    method. `wanted` is the effect at which costs are compared: a number of points, a method whose effect is used, or
    None for the largest effect that all methods reach.
    """

    base: Plan
    costs: Mapping[str, Mapping[str, Any]]
    levels: int = 5
    wanted: float | str | None = None

    def __post_init__(self) -> None:
        if "part" not in resolve("task", self.base.task).parameters:
            raise UserError(
                f"The effect cannot be measured on '{self.base.task}', because its calibration items cannot be asked "
                "at a given strength; use personalitybench."
            )
        if UNSTEERED in self.base.methods:
            raise UserError("The unsteered model is always measured with the methods; leave 'unsteered' out.")
        if isinstance(self.wanted, str) and self.wanted not in self.base.methods:
            raise UserError(unknown("method in this trade-off called", self.wanted, self.base.methods))
        # Everything is built once now, not after the runs before it have taken hours.
        for plan in (self.effect_plan(UNSTEERED, 1.0, "calibration"), *map(self._first_cost, self.costs)):
            build_judges(plan, build_task(plan))
        build_rows(self.base, self.effect_task)

    @cached_property
    def effect_task(self) -> Task:
        return build_task(self.effect_plan(UNSTEERED, 1.0, "calibration"))

    @property
    def targets(self) -> list[str]:
        """The ids of the methods' targets."""
        return [target.id for target in self.effect_task.targets(Split.TEST)]

    @cached_property
    def strengths(self) -> dict[str, list[float]]:
        """By method, the increasing strengths of its curve; only 1 for a method without a range of strengths."""
        return {method: self._strengths(method) for method in self.base.methods}

    @cached_property
    def dials(self) -> dict[str, tuple[float, float] | None]:
        """By method, its range of strengths; None if it has none."""
        return {name: dial_of(name, self.base.method_parameters, self.base.seed) for name in self.base.methods}

    def effect_plan(self, method: str, strength: float, part: Part) -> Plan:
        return effect_plan(self.base, method, strength, part)

    def cost_plan(self, task: str, method: str, strength: float) -> Plan:
        return cost_plan(self.base, task, self.costs[task], method, strength)

    def _first_cost(self, task: str) -> Plan:
        return self.cost_plan(task, UNSTEERED, 1.0)

    def _strengths(self, method: str) -> list[float]:
        return strengths_of(self.dials[method], self.levels)


def effect_plan(base: Plan, method: str, strength: float, part: Part) -> Plan:
    """The plan of a run on the effect's own questions."""
    given = {**base.task_parameters, "part": part}
    return _at(base, method, strength).model_copy(update={"task_parameters": given})


def cost_plan(base: Plan, task: str, parameters: Mapping[str, Any], method: str, strength: float) -> Plan:
    """The plan of a run on a task that measures a cost, for the poles of the effect."""
    poles = {name: value for name, value in base.task_parameters.items() if name == "poles"}
    update = {"task": task, "task_parameters": {**poles, **parameters}, "judges": {}, "judge_parameters": {}}
    return _at(base, method, strength).model_copy(update=update)


def dial_of(method: str, parameters: Mapping[str, Mapping[str, Any]], seed: int) -> tuple[float, float] | None:
    """A method's range of strengths; None if it has none."""
    built = build_method(method, parameters, seed)
    return built.strengths if has_dial(built) else None


def strengths_of(dial: tuple[float, float] | None, levels: int) -> list[float]:
    return [1.0] if dial is None else spaced(*dial, levels + 1)[1:]


def _at(base: Plan, method: str, strength: float) -> Plan:
    own = {name: given for name, given in base.method_parameters.items() if name in method.split("+")}
    return base.model_copy(update={"methods": (method,), "method_parameters": own, "strength": strength})
