"""Numbers that a user may give a task."""

import math

from steerbench.errors import UserError


def check_sizes(task: str, **sizes: int | None) -> None:
    """Raises UserError: a size is given and under 1."""
    for parameter, value in sizes.items():
        if value is not None and value < 1:
            raise UserError(f"{task}.{parameter} is {value}; it has to be at least 1.")


def check_penalty(parameter: str, value: float | None) -> None:
    """Raises UserError: a repetition penalty is given and not above 0, or no finite number."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise UserError(f"{parameter} is {value}; it has to be above 0, and 1 is no penalty.")
