"""Sizes that a user may give a task."""

from steerbench.errors import UserError


def check_sizes(task: str, **sizes: int | None) -> None:
    """Raises UserError: a size is given and under 1."""
    for parameter, value in sizes.items():
        if value is not None and value < 1:
            raise UserError(f"{task}.{parameter} is {value}; it has to be at least 1.")
