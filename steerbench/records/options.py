"""Builds a plan from options, for the command line, suite files and the Python interface alike."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from steerbench.errors import UserError
from steerbench.plugins.composed import names
from steerbench.plugins.finding import available
from steerbench.plugins.plugin import resolve
from steerbench.records.plan import Plan, usual_calibration

SIZES = ("limit", "respondents")
"""Options that limit how much of a task is asked."""
SPOKEN = {"poles": "pole"}
"""Parameter names whose option has a different name."""


def with_variant(
    variant: str | None, methods: Sequence[str], given: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The parameters, with `variant` added for each method that has that parameter.

    Raises:
        UserError: none of the methods has variants.
    """
    result = {name: dict(values) for name, values in given.items()}
    if variant is None:
        return result
    single = {name for spec in methods for name in names(spec)}
    having = [name for name in sorted(single) if "variant" in resolve("method", name).parameters]
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
    variant: str | None = None,
    engine: str = "hf",
    chat_template: Path | str | None = None,
    protocol: str = "strict",
    calibration: str | None = None,
    rule: str = "fluency-floor",
    judge: str | None = None,
    fluency_judge: str | None = None,
    allow_self_judge: bool = False,
    **others: Any,
) -> Plan:
    """Build the plan. `given` has parameters by plug-in, `others` are passed to `Plan` unchanged.

    Task options that are None keep the task's default.

    Raises:
        UserError: something is given twice, or a value is invalid.
    """
    # The task's parameters come first, since a task and a judge may share a name (perplexity).
    own, of_engine = given.pop(task, {}), given.pop(engine, {})
    judges, of_judges = judges_of(judge, fluency_judge, given, allow_self_judge)
    fields: dict[str, Any] = {
        "methods": tuple(methods),
        "task": task,
        "method_parameters": with_variant(variant, methods, given),
        "task_parameters": task_parameters(task, own, of_task),
        "engine": engine,
        "engine_parameters": of_engine,
        "chat_template": str(chat_template) if chat_template else None,
        "protocol": str(protocol),
        "calibration": str(calibration or usual_calibration(protocol)),
        "rule": str(rule),
        "judges": judges,
        "judge_parameters": of_judges,
    }
    try:
        return Plan(**fields, **others)
    except ValidationError as error:
        raise UserError(refused(error)) from error


def refused(error: ValidationError) -> str:
    """The first error of a pydantic validation, as a sentence."""
    first = error.errors()[0]
    key, reason = ".".join(map(str, first["loc"])), first["msg"]
    return f"{key} cannot be {shortened(repr(first['input']))}: {reason[0].lower()}{reason[1:]}."


def task_parameters(task: str, given: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """A task's parameters: those given by name, and those set by a command's own options.

    Raises:
        UserError: both set the same parameter, or the task has no such size option.
    """
    found = dict(given)
    for option, value in options.items():
        if value is None:
            continue
        parameter = size_parameter(task, option) if option in SIZES else option
        if parameter in found:
            raise UserError(
                f"{task}.{parameter} is given twice, once by --{SPOKEN.get(option, option)}; leave one out."
            )
        found[parameter] = value
    return found


def size_parameter(task: str, option: str = "limit") -> str:
    """The task's parameter that a size option sets. `limit` fits any task, `respondents` only tasks that count people.

    The task's attribute `size` names its parameter if it is not called `limit`.

    Raises:
        UserError: the task has no size parameter, or does not count people.
    """
    plugin = resolve("task", task)
    accepted, size = plugin.parameters, plugin.cls.size
    if option in accepted:
        return option
    if size not in accepted:
        raise UserError(f"The task '{task}' has no size to choose: leave --{option} out.")
    if option != "limit":
        raise UserError(f"The task '{task}' does not count {option}: give its size by --limit.")
    return str(size)


def judges_of(
    trait: str | None, fluency: str | None, given: dict[str, dict[str, Any]], allow_self_judge: bool = False
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """The judges by role and their parameters; these parameters are removed from `given`."""
    named = {role: name for role, name in (("trait", trait), ("fluency", fluency)) if name}
    own = {name: given.pop(name) for name in list(given) if name in available("judge")}
    if allow_self_judge:
        for name in set(named.values()):
            if "allow_self_judge" in resolve("judge", name).parameters:
                own.setdefault(name, {})["allow_self_judge"] = True
    return named, own


def shortened(text: str, most: int = 80) -> str:
    """A user's text, cut to `most` characters so that it can be quoted in an error."""
    return text if len(text) <= most else f"{text[:most]}..."
