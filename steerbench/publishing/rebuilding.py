"""The task of a published run, built again from its plan, which may be anybody's."""

import re
from pathlib import Path

from steerbench.contracts import Task
from steerbench.errors import UserError
from steerbench.records.plan import Plan, build_task

LARGEST_SIZE = 1_000_000
"""Of anything that a task counts: a plan may not keep the check busy for ever."""


def rebuilt(plan: Plan) -> Task:
    """The task of a plan, its data those of the registry.

    Raises:
        UserError: it asks of data that nobody else has.
    """
    for name, value in plan.task_parameters.items():
        if isinstance(value, str) and (re.search(r"[/\\]|\.\w+$", value) or Path(value).exists()):
            raise UserError(
                f"{plan.task}.{name} is the file '{value}'; a published run's data have to be of the registry, so that "
                "others can recompute it."
            )
        if isinstance(value, int) and value > LARGEST_SIZE:
            raise UserError(f"{plan.task}.{name} is more than {LARGEST_SIZE:,}; no task is that large.")
    return build_task(plan)
