"""The command that makes a published trade-off again, and what it asks; both follow from its runs' plans."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from steerbench.publishing.naming import typed
from steerbench.records.plan import Plan
from steerbench.studies.tradeoff.asked import Part, cost_plan, effect_plan
from steerbench.studies.tradeoff.evidence import CALIBRATION, TEST, Dose

POLES = "poles"


@dataclass(frozen=True)
class Asking:
    """The effect's plan with all methods, the parameters of each cost task, the number of strengths, and the effect."""

    base: Plan
    costs: Mapping[str, Mapping[str, Any]]
    levels: int
    wanted: float | str | None

    def plan(self, source: str, dose: Dose) -> Plan:
        """The plan of the run that measures a source at a dose."""
        if source in (CALIBRATION, TEST):
            part: Part = TEST if source == TEST else CALIBRATION
            return effect_plan(self.base, *dose, part)
        return cost_plan(self.base, source, self.costs[source], *dose)


def asking_of(
    plans: Mapping[tuple[str, Dose], Plan], unsteered: Dose, levels: int, wanted: float | str | None
) -> Asking:
    """What a trade-off with these plans asks. For each source, it is read from the unsteered model's plan."""
    effect = plans[CALIBRATION, unsteered]
    doses = [dose for source, dose in plans if source == CALIBRATION and dose != unsteered]
    given = {name: told for plan in plans.values() for name, told in plan.method_parameters.items()}
    own = {name: value for name, value in effect.task_parameters.items() if name != "part"}
    base = effect.model_copy(
        update={
            "methods": tuple(dict.fromkeys(dose.method for dose in doses)),
            "method_parameters": given,
            "task_parameters": own,
            "strength": None,
        }
    )
    tasks = [source for source, dose in plans if dose == unsteered and source not in (CALIBRATION, TEST)]
    costs = {task: _without_poles(plans[task, unsteered], own) for task in tasks}
    return Asking(base, costs, levels, wanted)


def command_of(asking: Asking) -> str:
    """The `steerbench tradeoff` command of this."""
    return shlex.join(["steerbench", "tradeoff", *_words(asking)])


def _words(asking: Asking) -> Iterator[str]:
    base = asking.base
    yield f"--method={','.join(base.methods)}"
    yield f"--task={base.task}"
    given = dict(base.task_parameters)
    for option, name in (("pole", POLES), ("dataset", "dataset")):
        if isinstance(given.get(name), str):
            yield f"--{option}={given.pop(name)}"
    yield f"--cost={','.join(asking.costs)}"
    limits = {json.dumps(told.get("limit")): told.get("limit") for told in asking.costs.values()}
    shared = next(iter(limits.values())) if len(limits) == 1 else None
    if isinstance(shared, int):
        yield f"--limit={shared}"
    yield f"--levels={asking.levels}"
    if asking.wanted is not None:
        yield f"--effect={asking.wanted}"
    costs = {
        task: {name: value for name, value in told.items() if name != "limit" or shared is None} | _unlimited(told)
        for task, told in asking.costs.items()
    }
    plugins = (*base.method_parameters.items(), (base.engine, base.engine_parameters), *base.judge_parameters.items())
    for plugin, parameters in ((base.task, given), *costs.items(), *plugins):
        for name, value in parameters.items():
            yield f"--param={plugin}.{name}={typed(value)}"
    usual = Plan(methods=base.methods, task=base.task)
    for name in ("model", "engine", "dtype", "chat_template", "seed"):
        if (value := getattr(base, name)) != getattr(usual, name):
            yield f"--{name.replace('_', '-')}={value}"
    for role, option in (("trait", "judge"), ("fluency", "fluency-judge")):
        if role in base.judges:
            yield f"--{option}={base.judges[role]}"


def _unlimited(told: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters for all items of a task; without them the command would use a default limit."""
    return {} if "limit" in told else {"limit": None}


def _without_poles(plan: Plan, of_effect: Mapping[str, Any]) -> dict[str, Any]:
    """A task's parameters without the poles, which it has from the effect."""
    return {k: v for k, v in plan.task_parameters.items() if k != POLES or v != of_effect.get(POLES)}
