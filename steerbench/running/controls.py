"""Controls: rows that are shown the answers to what they are asked, to see whether the instrument reads anything.

They are the only rows that ever see such answers, and they see them when nothing is left to choose. What is handed out
to them, and what they are asked, is decided here.
"""

from collections.abc import Sequence

from steerbench.contracts import Control, Revealing, Role, Split, Task
from steerbench.contracts.steering import Steering
from steerbench.contracts.steering_rules import check_fitted
from steerbench.contracts.targets import Item, OtherForm, Target
from steerbench.errors import UserError
from steerbench.records.plan import PlanRow, roles_of

FORMLESS: tuple[Role | None, ...] = ("constant", "reference", "ceiling")
"""The roles of rows that answer without a model, in any form alike."""


def check_controls(task: Task, rows: Sequence[PlanRow]) -> None:
    """Raises UserError: a method wants to be shown answers, and is no control of a task that shows some."""
    for row in rows:
        if not isinstance(row.method, Control) or (row.role == "control" and isinstance(task, Revealing)):
            continue
        raise UserError(
            f"'{row.name}' is shown the answers it is asked for, which only a control may be, and it is none of "
            f"this run of {task.name}; leave it out."
        )


def asked_of_row(task: Task, name: str, target: Target) -> Sequence[Item]:
    """The items that measure a row: of a control that is shown answers, those that there are answers to.

    What knows nothing of a question's form is asked in the usual one alone.
    """
    role = roles_of(task).get(name)
    if isinstance(task, Revealing) and role == "control":
        return list(task.answers(target))
    items = task.items(target, Split.TEST)
    return [item for item in items if not isinstance(item, OtherForm)] if role in FORMLESS else items


def revealed(task: Task, method: Control, targets: Sequence[Target]) -> list[Steering]:
    """A control's steering for each target, made from the answers that measure.

    Raises:
        RuntimeError: they are sealed.
        UserError: what it made cannot be used.
    """
    if not isinstance(task, Revealing):
        raise RuntimeError(f"the task '{task.name}' has no answers to show")
    steerings = list(method.reveal(targets, {target.id: task.answers(target) for target in targets}))
    for target, steering in zip(targets, steerings, strict=True):
        check_fitted(method.name, target.id, steering)
    return steerings
