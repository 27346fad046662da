"""Options that several commands have in common, as groups: a command takes a group as one parameter.

    @with_groups
    def sweep_command(*, method: Methods = None, on_model: OnModel, output: Output) -> None: ...

typer sees the fields of each group as options of the command, under a heading of their own.
"""

import inspect
from collections.abc import Callable
from copy import copy
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

from steerbench.cli.options import (
    BUDGET,
    JUDGES,
    MODEL,
    OUTPUT,
    STRENGTHS,
    TASK,
    Budget,
    ByRule,
    Calibration,
    Dataset,
    Device,
    Dtype,
    EngineName,
    FluencyJudge,
    Json,
    JudgeBudget,
    Limit,
    Model,
    Out,
    Protocol,
    Quiet,
    Respondents,
    Rule,
    Seed,
    SelfJudge,
    Strength,
    TaskName,
    Template,
    TraitJudge,
    UnderProtocol,
)


@dataclass(frozen=True)
class OnTask:
    """What is measured, and on how much of its data."""

    task: TaskName = "papi"
    dataset: Dataset = None
    respondents: Respondents = None
    limit: Limit = None

    @property
    def of_task(self) -> dict[str, Any]:
        """The task's own parameters, for `plan_of`."""
        return {"dataset": self.dataset, "respondents": self.respondents, "limit": self.limit}


@dataclass(frozen=True)
class OnModel:
    """The model, and what runs it."""

    model: Model = None
    seed: Seed = 0
    engine: EngineName = "hf"
    dtype: Dtype = None
    device: Device = None
    chat_template: Template = None

    @property
    def of_plan(self) -> dict[str, Any]:
        """What a plan says of it: all but the device."""
        return {name: value for name, value in asdict(self).items() if name != "device"}


@dataclass(frozen=True)
class Calibrating:
    """How strengths are chosen."""

    protocol: UnderProtocol = Protocol.STRICT
    calibration: Calibration = None
    budget: Budget = BUDGET
    rule: ByRule = Rule.FLUENCY_FLOOR
    strength: Strength = None

    @property
    def of_plan(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Judging:
    """What rates free text, and what that may cost."""

    judge: TraitJudge = None
    fluency_judge: FluencyJudge = None
    judge_budget: JudgeBudget = None
    allow_self_judge: SelfJudge = False

    @property
    def of_plan(self) -> dict[str, Any]:
        """What a plan says of it: all but the budget."""
        return {name: value for name, value in asdict(self).items() if name != "judge_budget"}


@dataclass(frozen=True)
class Output:
    """Where results go, and what is printed."""

    out: Out = Path("runs")
    json: Json = False
    quiet: Quiet = False


PANELS = {
    OnTask: TASK,
    OnModel: MODEL,
    Calibrating: STRENGTHS,
    Judging: JUDGES,
    Output: OUTPUT,
}
"""By group, the heading of its options in a command's help."""


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose groups typer sees as options, one for each field."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {}
    shown: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if is_dataclass(hints[name]):
            groups[name] = hints[name]
            own = get_type_hints(hints[name], include_extras=True)
            shown += [
                inspect.Parameter(
                    field.name,
                    parameter.KEYWORD_ONLY,
                    default=field.default,
                    annotation=_in_panel(own[field.name], PANELS[hints[name]]),
                )
                for field in fields(hints[name])
            ]
        else:
            shown.append(parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=hints[name]))

    @wraps(command)
    def called(**given: Any) -> None:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **made)

    called.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    called.__annotations__ = {}
    return called


def _in_panel(annotation: Any, panel: str) -> Any:
    """The same option under a heading of the help."""
    kind, option = get_args(annotation)
    placed = copy(option)
    placed.rich_help_panel = panel
    return Annotated[kind, placed]
