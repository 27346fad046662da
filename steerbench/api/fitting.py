"""Fits one method to one target, outside of any run."""

from collections.abc import Mapping
from typing import Any

from steerbench.api.model import Model
from steerbench.contracts import Engine, Method, Task
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, Target, target_named
from steerbench.errors import UserError
from steerbench.plugins.composed import build_method
from steerbench.plugins.composed import fit as fit_all
from steerbench.plugins.parameters import construct


def fit(
    method: str,
    model: Model,
    pole: str | Target,
    *,
    task: str = "papi",
    dataset: str | None = None,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
) -> Steering:
    """The steering of unit strength that a method makes of a pole ("extraversion+"), or of any target.

    A pole is told by the statements of `task`. `parameters` are by plug-in: `{"pas": {"heads": 24}}`.

    Raises:
        UserError: a name that nobody has, a parameter that does not exist, or a method that changes nothing here.
    """
    fitting, target = asked(method, pole, task, dataset, parameters or {}, seed)
    return fitted(fitting, method, target, model.engine)


def asked(
    method: str,
    pole: str | Target,
    task: str,
    dataset: str | None,
    parameters: Mapping[str, Mapping[str, Any]],
    seed: int,
) -> tuple[Method, Target]:
    """What is to be fitted to whom, all that can be checked without a model checked.

    Raises:
        UserError: as `fit`.
    """
    given = {name: dict(values) for name, values in parameters.items()}
    of_task = given.pop(task, {}) | ({"dataset": dataset} if dataset else {})
    fitting = build_method(method, given, seed)
    if not fitting.needs_model or getattr(fitting, "changes_nothing", False):
        raise UserError(f"'{method}' changes nothing in a model, so there is no steering of it; name another method.")
    return fitting, target_named(pole, _statements(task, of_task)) if isinstance(pole, str) else pole


def fitted(fitting: Method, name: str, target: Target, engine: Engine) -> Steering:
    """The method's steering of the target.

    Raises:
        UserError: it changes nothing there.
    """
    (steering,) = fit_all(fitting, engine, [target])
    if not (steering.edits or steering.prompt):
        raise UserError(f"'{name}' changes nothing towards {target.id}, so there is no steering of it.")
    return steering


def _statements(name: str, given: Mapping[str, Any]) -> tuple[Item, ...]:
    """The statements a task tells of traits by.

    Raises:
        UserError: it has none.
    """
    task: Task = construct("task", name, given, {"protocol": "strict", "seed": 0})
    statements = getattr(task, "statements", None)
    if statements is None:
        raise UserError(f"The task '{name}' has no statements that tell of a trait; name another.")
    return tuple(statements())
