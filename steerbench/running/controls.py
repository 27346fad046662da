"""Controls: rows that are shown the answers they are asked for, to test whether the readout can read them.

Only controls ever see such answers, and only after every choice is frozen. This module decides what they are shown and
asked.
"""

from collections.abc import Sequence

from steerbench.contracts import Control, Revealing, Role, Split, Task
from steerbench.contracts.roles import CEILING, CONSTANT, CONTROL, REFERENCE
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, OtherForm, Target
from steerbench.errors import UserError
from steerbench.plugins.fitted import sound
from steerbench.records.plan import PlanRow, roles_of

FORMLESS: tuple[Role | None, ...] = (CONSTANT, REFERENCE, CEILING)
"""Roles of rows that answer without a model and give the same answer to every form of a question."""


def check_controls(task: Task, rows: Sequence[PlanRow]) -> None:
    """Raises UserError: a method must be shown answers, but is not a control of this task."""
    for row in rows:
        if not isinstance(row.method, Control) or (row.role == CONTROL and isinstance(task, Revealing)):
            continue
        raise UserError(
            f"'{row.name}' must be shown the answers it is asked for, which only a control may be; it is not a control "
            f"of {task.name}, so leave it out."
        )


def asked_of_row(task: Task, name: str, target: Target) -> Sequence[Item]:
    """The test items of a row. For a control that is shown answers, only items with an answer.

    Rows that ignore a question's form are asked in the usual form alone.
    """
    role = roles_of(task).get(name)
    if isinstance(task, Revealing) and role == CONTROL:
        return list(task.answers(target))
    items = task.items(target, Split.TEST)
    return [item for item in items if not isinstance(item, OtherForm)] if role in FORMLESS else items


def revealed(task: Task, name: str, method: Control, targets: Sequence[Target]) -> list[Steering]:
    """The steering of the control `name` for each target, made from the test answers.

    Raises:
        RuntimeError: the answers are still sealed, or the task has none to show.
        UserError: the control's steering is invalid.
    """
    if not isinstance(task, Revealing):
        raise RuntimeError(f"the task '{task.name}' has no answers to show")
    shown = {target.id: task.answers(target) for target in targets}
    return sound(name, method.reveal(targets, shown), targets, "reveal")
