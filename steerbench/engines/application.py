"""Applies a saved steering to requests: bounds its strength, and puts its prompt before the conversation."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from steerbench.contracts.steering import UNSTEERED, Steering, load_steering
from steerbench.errors import UserError

STRONGEST = 1000.0
"""Larger strengths are refused as mistakes; calibration searches only up to some tens."""

Turns = tuple[tuple[str, str], ...]
"""Chat messages: (role, content)."""


def open_steering(path: Path) -> tuple[Steering, dict[str, str]]:
    """Read a saved steering and its provenance.

    Raises:
        UserError: the file holds no steering, or one that changes nothing or answers without the model.
    """
    steering, provenance = load_steering(path)
    if steering.reply is not None:
        raise UserError(f"{path} holds fixed answers instead of steering a model; name another steering.")
    if not (steering.edits or steering.prompt):
        raise UserError(f"{path} changes nothing: it has neither edits nor a prompt; name another steering.")
    return steering, provenance


def read_strength(given: Any) -> float:
    """Parse the strength of a request.

    Raises:
        UserError: it is not a number, or is out of range.
    """
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise UserError("The strength must be a number.")
    # Compared before conversion to float, which overflows for huge integers; nan fails the comparison.
    if not abs(given) <= STRONGEST:
        raise UserError(
            f"The strength must lie between -{STRONGEST:g} and {STRONGEST:g}; 1 is that of the steering's file."
        )
    return float(given)


def at(steering: Steering, strength: float) -> Steering:
    """The steering multiplied by a strength; at 0 its prompt is dropped too."""
    return steering.scaled(strength) if strength else UNSTEERED


def before(said: str, text: str) -> str:
    """A steering's prompt followed by a text."""
    return "\n\n".join(part for part in (said, text) if part)


def opened(said: str, turns: Iterable[tuple[str, str]]) -> Turns:
    """A conversation with a steering's prompt first; an existing system message is appended to it."""
    turns = tuple(turns)
    if not said:
        return turns
    if turns and turns[0][0] == "system":
        return (("system", before(said, turns[0][1])), *turns[1:])
    return (("system", said), *turns)
