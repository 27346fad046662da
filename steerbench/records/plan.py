"""A run's plan, the rows of its board, and its identity.

The identity is the key for resuming and for the leaderboard. It covers contents (weights, data, prompt texts,
parameters after defaults, sources of the harness and plug-ins), not the paths where they were found.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from steerbench import __version__
from steerbench.contracts import Engine, Judge, Judged, Measured, Method, Role, Summarising, Task, has_dial
from steerbench.contracts.roles import CONTROL
from steerbench.errors import UserError, unknown
from steerbench.plugins.code import HARNESS, Code, changes, code_of, harness_code, judge_identity, own_engine
from steerbench.plugins.composed import Composed, adapted, build_method, method_settings, names
from steerbench.plugins.finding import available, find
from steerbench.plugins.plugin import construct, resolve

FOLLOWS_A_METHOD, ITS_PARAMETERS = "of", "parameters"
"""Constructor parameters of a matched baseline: the method it is matched to, and that method's parameters."""

UNASKED: Mapping[str, Role] = {"unsteered": "unsteered", "random-direction": "placebo"}
"""The baselines of a task that names its metrics and no baselines."""


class Plan(BaseModel):
    """The complete request for a run. Frozen, and unchanged by a round trip through JSON.

    `rule` says whether calibration must keep the reference's fluency (`Judged.reference`). `strength` is used for every
    method that has one, without calibration. `strengths` sets it by method and target; `wordings` likewise selects a
    prompt wording other than the first. `judges` names judges by role, in place of the task's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: tuple[str, ...] = Field(min_length=1)
    task: str
    method_parameters: dict[str, dict[str, JsonValue]] = {}
    task_parameters: dict[str, JsonValue] = {}
    model: str | None = None
    engine: str = "hf"
    engine_parameters: dict[str, JsonValue] = {}
    dtype: str | None = None
    chat_template: str | None = None
    protocol: Literal["strict", "published"] = "strict"
    calibration: Literal["golden", "grid"] = "golden"
    budget: int = Field(default=5, ge=2)
    rule: Literal["fluency-floor", "best-score"] = "fluency-floor"
    strength: float | None = None
    strengths: dict[str, dict[str, float]] = {}
    wordings: dict[str, dict[str, int]] = {}
    judges: dict[str, str] = {}
    judge_parameters: dict[str, dict[str, JsonValue]] = {}
    seed: int = 0
    trivial: bool = True


@dataclass(frozen=True)
class PlanRow:
    """A row of the board: a constructed method and its parameters after defaults."""

    name: str
    method: Method
    settings: Mapping[str, Mapping[str, Any]]
    role: Role | None = None

    @property
    def trivial(self) -> bool:
        """Whether the row is a baseline, reference or control, and not a method."""
        return self.role is not None


@dataclass(frozen=True)
class Identity:
    """Everything that a run's numbers depend on, and one hash over it."""

    fields: Mapping[str, Any]
    digest: str

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Identity":
        # Through JSON, so that it compares equal to what the ledger stores.
        text = json.dumps(fields, sort_keys=True)
        return cls(json.loads(text), hashlib.sha256(text.encode()).hexdigest())


def usual_calibration(protocol: str) -> Literal["golden", "grid"]:
    """The default search for strengths under a protocol."""
    return "grid" if protocol == "published" else "golden"


def build_task(plan: Plan) -> Task:
    """Construct the plan's task; its constructor gets the plan's protocol and seed if it takes them."""
    task: Task = construct("task", plan.task, plan.task_parameters, {"protocol": plan.protocol, "seed": plan.seed})
    return task


def plan_of_run(plan: Plan, task: Mapping[str, Any]) -> Plan:
    """A finished run's plan, with the defaults of task parameters that applied when it was made.

    `task` is the task's part of the run's identity. A parameter that it does not name had its earlier default, which
    the task class declares in `before`.
    """
    before = find("task", plan.task).before if plan.task in available("task") else {}
    meant = {name: value for name, value in before.items() if task.get(name, value) == value}
    lacking = {name: value for name, value in meant.items() if name not in plan.task_parameters}
    return plan.model_copy(update={"task_parameters": plan.task_parameters | lacking}) if lacking else plan


def build_rows(plan: Plan, task: Task) -> list[PlanRow]:
    """The methods asked for, in order, then the task's other trivial rows (its attribute `baselines`).

    A trivial row that needs a model is left out if the plan names no model and no method asked for needs one. A row
    that is matched to a method (a random direction of its norm) is matched to the first one asked for that has a
    strength and is not composed; without one it is left out. Controls cost model time and are only meaningful in
    pairs, so all are added if one is asked for.

    Raises:
        UserError: a method or parameter does not exist.
    """
    baselines = roles_of(task)
    asked = list(dict.fromkeys(plan.methods))
    _check_parameters(plan, [name for spec in asked for name in names(spec)] + list(baselines))
    given: dict[str, Mapping[str, Any]] = dict(plan.method_parameters)
    rows = [_row(spec, given, plan, baselines.get(spec)) for spec in asked]
    with_model = plan.model is not None or any(row.method.needs_model for row in rows)
    if not plan.trivial:
        return rows
    controlled = any(row.role == CONTROL for row in rows)
    matched = next((row for row in rows if row.name in available("method") and has_dial(row.method)), None)
    for name in baselines:
        if name in asked or name not in available("method") or (baselines[name] == CONTROL and not controlled):
            continue
        accepted = resolve("method", name).parameters
        if FOLLOWS_A_METHOD in accepted:
            if matched is None:
                continue
            own = {ITS_PARAMETERS: matched.settings[matched.name]} if ITS_PARAMETERS in accepted else {}
            given[name] = {FOLLOWS_A_METHOD: matched.name, **own, **given.get(name, {})}
        row = _row(name, given, plan, baselines[name])
        if with_model or not row.method.needs_model:
            rows.append(row)
    return rows


def roles_of(task: Task) -> Mapping[str, Role]:
    """The trivial rows of a task's board by name, each with its role.

    Raises:
        UserError: the task names them without their roles.
    """
    named = isinstance(task, Measured) and not isinstance(task, Summarising)
    found: Any = task.baselines
    if found is None:
        return UNASKED if named else {}
    if not isinstance(found, Mapping):
        raise UserError(f"The task '{task.name}' names its baselines without their roles; map each name to its role.")
    return found


def adapted_row(row: PlanRow, engine: Engine) -> PlanRow:
    """The row with the parameters that depend on the model filled in.

    Raises:
        UserError: a parameter does not fit the model.
    """
    decided = adapted(row.method, engine)
    settings = {name: {**told, **decided.get(name, {})} for name, told in row.settings.items()}
    return replace(row, settings=settings)


def build_judges(plan: Plan, task: Task) -> dict[str, Judge]:
    """The judge of each of the task's roles; roles with the same judge share one object. Empty if nothing is judged.

    Raises:
        UserError: a role, judge or parameter does not exist.
    """
    roles = dict(task.judges) if isinstance(task, Judged) else {}
    for role in plan.judges:
        if not roles:
            raise UserError(f"The answers of the task '{plan.task}' are not rated by judges: leave the judge out.")
        if role not in roles:
            raise UserError(unknown("role of a judge called", role, roles))
    named = roles | plan.judges
    for name in plan.judge_parameters:
        if name not in named.values():
            raise UserError(unknown("judge in this plan called", name, sorted(set(named.values()))))
    built = {name: build_judge(name, plan.judge_parameters.get(name, {})) for name in sorted(set(named.values()))}
    return {role: built[name] for role, name in named.items()}


def build_judge(name: str, given: Mapping[str, Any]) -> Judge:
    judge: Judge = construct("judge", name, given)
    return judge


def identify(
    plan: Plan,
    rows: Sequence[PlanRow],
    engine: Mapping[str, str] | None,
    task: Mapping[str, str],
    code: Mapping[str, Code],
    judges: Mapping[str, Judge] | None = None,
) -> Identity:
    """The identity of a run. `code` is from `code_of_run`; `engine` is None if no row needs a model.

    The plan's model, dtype, chat template and engine are left out, because the engine's identity covers them.
    """
    asked = plan.model_dump(mode="json", include={"protocol", "calibration", "budget", "seed", "task"})
    fields = {
        "steerbench": __version__,
        "plan": asked,
        "methods": {row.name: row.settings for row in rows},
        "task": dict(task),
        "engine": dict(engine) if engine is not None else None,
        "code": {of: dict(code[of]) for of in code},
    }
    if judges:
        fields["judges"] = {role: {"name": judge.name, **judge_identity(judge)} for role, judge in judges.items()}
        asked |= plan.model_dump(mode="json", include={"rule"})
    if plan.strength is not None:
        asked["strength"] = plan.strength
    if plan.strengths:
        asked["strengths"] = plan.strengths
    if plan.wordings:
        asked["wordings"] = plan.wordings
    return Identity.of(fields)


def code_of_run(
    plan: Plan, rows: Sequence[PlanRow], task: Task, judges: Mapping[str, Judge], engine: Engine | None
) -> dict[str, Code]:
    """The code that a run's numbers depend on, by role: "harness", "method:pas", "task:papi".

    Methods include the parts of a composed method, the method that a row is matched to, and the task's reference.
    """
    found = {HARNESS: harness_code(), f"task:{plan.task}": code_of("task", plan.task, task)}
    followed = [task.reference] if isinstance(task, Judged) and plan.rule == "fluency-floor" else []
    for row in rows:
        parts = row.method.parts if isinstance(row.method, Composed) else (row.method,)
        for name, part in zip(names(row.name), parts, strict=True):
            found[f"method:{name}"] = code_of("method", name, part)
            followed.append(row.settings.get(name, {}).get(FOLLOWS_A_METHOD, ""))
    for name in [single for spec in followed if spec and isinstance(spec, str) for single in names(spec)]:
        if name in available("method"):
            found.setdefault(f"method:{name}", code_of("method", name))
    for judge in judges.values():
        found[f"judge:{judge.name}"] = code_of("judge", judge.name, judge)
        found |= {f"engine:{name}": code_of("engine", name) for name in own_engine(judge)}
    if engine is not None:
        found[f"engine:{plan.engine}"] = code_of("engine", plan.engine, engine)
    return found


def differences(then: Any, now: Any, where: str = "") -> list[str]:
    """The fields in which two identities (or parts of them) differ, in words."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        found = [] if where else changes(then.get("code"), now.get("code"))
        # A judge's sources are already reported with the other code.
        told = {"code"} if not where or where.startswith("judges.") else set()
        for key in sorted({*then, *now} - told):
            found += differences(then.get(key), now.get(key), f"{where}.{key}" if where else key)
        return found
    return [] if then == now else [f"{where} was {json.dumps(then)} and is now {json.dumps(now)}"]


def _row(spec: str, given: Mapping[str, Mapping[str, Any]], plan: Plan, role: Role | None) -> PlanRow:
    method = build_method(spec, given, plan.seed)
    return PlanRow(spec, method, method_settings(spec, given, plan.seed), role)


def _check_parameters(plan: Plan, known: Sequence[str]) -> None:
    for name in plan.method_parameters:
        if name not in known:
            raise UserError(unknown("method in this plan called", name, known))
