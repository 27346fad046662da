"""The name of a published run, and the command that makes it again; both follow from its plan."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steerbench.models.embedded import EMBEDDED
from steerbench.plugins.parameters import value_of
from steerbench.records.plan import Plan, usual_calibration

NO_MODEL = "no model"
RESULTS = Path("leaderboard/results")
"""The folder of published runs, relative to the root of the repository where commands are run."""

_OPTIONS = {"dataset": str, "respondents": int, "readout": str, "limit": int}
"""Task parameters with an option in `steerbench run`, and their types."""


def id_of(plan: Plan, digest: str) -> str:
    """Task, methods and the start of the digest, in characters that are safe in folder names and addresses."""
    methods = "-".join(plan.methods)[:60].rstrip("-+")
    return f"{_plain(plan.task)[:40]}-{_plain(methods)}-{digest[:10]}"


def model_of(plan: Plan, identity: Mapping[str, Any]) -> str:
    """The model's usual name; `NO_MODEL` if no row needed one."""
    return (plan.model or EMBEDDED) if identity.get("engine") else NO_MODEL


def without_folders(plan: Plan) -> Plan:
    """The plan with only the file name of a local model or template, because the path is private.

    The identity has hashes of the contents.
    """
    local = {name: told for name in ("model", "chat_template") if (told := getattr(plan, name)) and _is_place(told)}
    return plan.model_copy(update={name: Path(told).name for name, told in local.items()})


def command_of(plan: Plan, called: str) -> str:
    """The `steerbench run` command of this plan, without options that have their default.

    If strengths came from an earlier run, the command reads them from this run, which is published as `called`.
    """
    return shlex.join(["steerbench", "run", *_words(plan, called)])


def _words(plan: Plan, called: str) -> Iterator[str]:
    yield f"--method={','.join(plan.methods)}"
    yield f"--task={plan.task}"
    given = dict(plan.task_parameters)
    for name, kind in _OPTIONS.items():
        if type(given.get(name)) is kind:
            yield f"--{name}={given.pop(name)}"
    if isinstance(given.get("poles"), str):
        yield f"--pole={given.pop('poles')}"
    of_plugins = [(plan.task, given), *plan.method_parameters.items(), (plan.engine, plan.engine_parameters)]
    for name, parameters in (*of_plugins, *plan.judge_parameters.items()):
        for parameter, value in parameters.items():
            yield f"--param={name}.{parameter}={typed(value)}"
    usual = Plan(methods=plan.methods, task=plan.task)
    for name in ("model", "engine", "dtype", "chat_template", "protocol", "budget", "rule", "strength", "seed"):
        value = getattr(plan, name)
        # The budget is always given: its default has changed before, and the command has to stay the same.
        if name == "budget" or value != getattr(usual, name):
            yield f"--{name.replace('_', '-')}={value}"
    if plan.calibration != usual_calibration(plan.protocol):
        yield f"--calibration={plan.calibration}"
    if plan.strengths:
        yield f"--strengths-from={RESULTS / called}"
    for role, option in (("trait", "judge"), ("fluency", "fluency-judge")):
        if role in plan.judges:
            yield f"--{option}={plan.judges[role]}"
    if not plan.trivial:
        yield "--no-trivial"


def typed(value: Any) -> str:
    """A value as a user types it: text without quotes, unless it would be parsed as another value."""
    return value if isinstance(value, str) and value and value_of(value) == value else json.dumps(value)


def _is_place(name: str) -> bool:
    return Path(name).exists() or Path(name).is_absolute() or name.startswith((".", "~"))


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9.+_-]", "-", text.lower())
