"""Builds the task of an untrusted published run again from its plan."""

import re
from pathlib import Path

from steerbench.contracts import Task
from steerbench.errors import UserError
from steerbench.records.plan import Plan, build_task

LARGEST_SIZE = 1_000_000
"""Largest number that a task parameter may have, so that a plan cannot keep the check busy forever."""


def rebuilt(plan: Plan) -> Task:
    """The task of a plan, with the registry's data.

    Raises:
        UserError: the plan uses data that others cannot get, or is too large.
    """
    for name, value in plan.task_parameters.items():
        if isinstance(value, str) and (re.search(r"[/\\]|\.\w+$", value) or Path(value).exists()):
            raise UserError(
                f"{plan.task}.{name} is the file '{value}'; a published run has to use data of the registry, so that "
                "others can recompute it."
            )
        if isinstance(value, int) and value > LARGEST_SIZE:
            raise UserError(f"{plan.task}.{name} is more than {LARGEST_SIZE:,}; no task is that large.")
    return build_task(plan)
