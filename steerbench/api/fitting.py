"""Fits one method to one target, outside of any run."""

from collections.abc import Mapping
from typing import Any

from steerbench.api.model import Model
from steerbench.contracts import Engine, Method, Stating, Task
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, Target, target_named
from steerbench.engines.validation import check_fits
from steerbench.errors import UserError
from steerbench.plugins.composed import build_method
from steerbench.plugins.composed import fit as fit_all
from steerbench.plugins.plugin import construct


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
    """Fit a method to a pole ("extraversion+") or any other target; the steering has unit strength.

    A pole is defined by the statements of `task`. `parameters` are by plug-in: `{"pas": {"heads": 24}}`.

    Raises:
        UserError: a name or parameter is unknown, or the method does not change the model for this target.
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
    """The method and target of a fit, after every check that needs no model.

    Raises:
        UserError: as `fit`.
    """
    given = {name: dict(values) for name, values in parameters.items()}
    of_task = given.pop(task, {}) | ({"dataset": dataset} if dataset else {})
    fitting = build_method(method, given, seed)
    if not fitting.needs_model or fitting.changes_nothing:
        raise UserError(f"The method '{method}' does not change the model, so it has no steering; name another method.")
    return fitting, target_named(pole, _statements(task, of_task)) if isinstance(pole, str) else pole


def fitted(fitting: Method, name: str, target: Target, engine: Engine) -> Steering:
    """The method's steering of the target.

    Raises:
        UserError: the method does not change the model for this target.
    """
    (steering,) = fit_all(fitting, engine, [target])
    check_fits(name, engine, [target], [steering])
    if not (steering.edits or steering.prompt):
        raise UserError(
            f"The method '{name}' found nothing to change for {target.id}, so it has no steering; try another target."
        )
    return steering


def _statements(name: str, given: Mapping[str, Any]) -> tuple[Item, ...]:
    """The statements by which a task defines traits.

    Raises:
        UserError: the task has none.
    """
    task: Task = construct("task", name, given, {"protocol": "strict", "seed": 0})
    if not isinstance(task, Stating):
        raise UserError(f"The task '{name}' has no statements about traits; name another task.")
    return tuple(task.statements())
