"""Turns `--param pas.heads=48` and lists of names into what a plan holds."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steerbench.cli.options import CalibrationKind, Protocol, Rule, usual_calibration
from steerbench.composition import names
from steerbench.construction import parameters
from steerbench.errors import UserError
from steerbench.plan import Plan
from steerbench.plugins import available, find


def comma_separated(values: Sequence[str]) -> list[str]:
    """Names given as `a,b` or one by one, without repeats."""
    found = [name.strip() for value in values for name in value.split(",")]
    return list(dict.fromkeys(name for name in found if name))


def parse_parameters(given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By plug-in, its parameters.

    Raises:
        UserError: an entry is not of the form NAME.PARAMETER=VALUE.
    """
    result: dict[str, dict[str, Any]] = {}
    for entry in given:
        place, equals, value = entry.partition("=")
        plugin, dot, parameter = place.rpartition(".")
        if not (equals and dot and plugin and parameter):
            raise UserError(f"--param {entry} cannot be read: write NAME.PARAMETER=VALUE, for example pas.heads=48.")
        result.setdefault(plugin, {})[parameter] = value_of(value)
    return result


def with_variant(
    variant: str | None, methods: Sequence[str], given: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The parameters, with `variant` for each method of the plan that has variants.

    Raises:
        UserError: none of them has.
    """
    result = {name: dict(values) for name, values in given.items()}
    if variant is None:
        return result
    single = {name for spec in methods for name in names(spec)}
    having = [name for name in sorted(single) if "variant" in parameters(find("method", name))]
    if not having:
        raise UserError(f"--variant {variant} has no effect: none of the methods asked for has variants.")
    for name in having:
        result[name] = {"variant": variant, **result.get(name, {})}
    return result


def plan_of(
    methods: Sequence[str],
    task: str,
    given: dict[str, dict[str, Any]],
    of_task: Mapping[str, Any],
    *,
    variant: str | None,
    engine: str,
    chat_template: Path | None,
    protocol: Protocol,
    calibration: CalibrationKind | None,
    rule: Rule,
    judge: str | None,
    fluency_judge: str | None,
    allow_self_judge: bool,
    **others: Any,
) -> Plan:
    """The plan that a user's options come to; `given` are the parameters by plug-in, `others` go into it as they are.

    Options of the task that were not given (None) are left to it.
    """
    # The task's first: what it is called may be what a judge is called too (perplexity).
    own, of_engine = given.pop(task, {}), given.pop(engine, {})
    judges, of_judges = judges_of(judge, fluency_judge, given, allow_self_judge)
    return Plan(
        methods=tuple(methods),
        task=task,
        method_parameters=with_variant(variant, methods, given),
        task_parameters=own | {name: value for name, value in of_task.items() if value is not None},
        engine=engine,
        engine_parameters=of_engine,
        chat_template=str(chat_template) if chat_template else None,
        protocol=protocol.value,
        calibration=(calibration or usual_calibration(protocol)).value,
        rule=rule.value,
        judges=judges,
        judge_parameters=of_judges,
        **others,
    )


def judges_of(
    trait: str | None, fluency: str | None, given: dict[str, dict[str, Any]], allow_self_judge: bool = False
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """The judges asked for by role, and the parameters meant for judges, which are taken out of `given`."""
    named = {role: name for role, name in (("trait", trait), ("fluency", fluency)) if name}
    own = {name: given.pop(name) for name in list(given) if name in available("judge")}
    if allow_self_judge:
        for name in set(named.values()):
            if "allow_self_judge" in parameters(find("judge", name)):
                own.setdefault(name, {})["allow_self_judge"] = True
    return named, own


def value_of(text: str) -> Any:
    """A value as it was typed: JSON (48, 0.5, true, [1, 2]), and else text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
