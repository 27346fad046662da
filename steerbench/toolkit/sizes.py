"""Checks of numbers that a user gives a task."""

import math

from steerbench.errors import UserError


def check_sizes(task: str, **sizes: int | None) -> None:
    """Raises UserError: a given size is below 1."""
    for parameter, value in sizes.items():
        if value is not None and value < 1:
            raise UserError(f"{task}.{parameter} is {value}; it has to be at least 1.")


def check_penalty(parameter: str, value: float | None) -> None:
    """Raises UserError: a given repetition penalty is not a finite number above 0."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise UserError(f"{parameter} is {value}; it has to be above 0 (1 means no penalty).")
