"""A saved steering as it is put to use: how strong it may be, and what the model is told first."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from steerbench.contracts.steering import UNSTEERED, Steering, load_steering
from steerbench.errors import UserError

STRONGEST = 1000.0
"""Strengths beyond it are mistakes: methods are searched up to some tens."""

Turns = tuple[tuple[str, str], ...]
"""Chat messages: (role, content)."""


def open_steering(path: Path) -> tuple[Steering, dict[str, str]]:
    """A saved steering that a model is to be put under, and its provenance.

    Raises:
        UserError: the file holds no steering, or one that would leave the model as it is, or not ask it.
    """
    steering, provenance = load_steering(path)
    if steering.reply is not None:
        raise UserError(f"{path} answers in the model's stead; there is no model to put under it.")
    if not (steering.edits or steering.prompt):
        raise UserError(f"{path} changes nothing: it has no edits and nothing to say.")
    return steering, provenance


def read_strength(given: Any) -> float:
    """A strength as a request has it.

    Raises:
        UserError: it is no number, or none that anybody can mean.
    """
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise UserError("The strength must be a number.")
    # Compared before it is made a float, which whole numbers may be too large for; nan is within nothing.
    if not abs(given) <= STRONGEST:
        raise UserError(
            f"The strength must lie between -{STRONGEST:g} and {STRONGEST:g}; 1 is as the steering's file has it."
        )
    return float(given)


def at(steering: Steering, strength: float) -> Steering:
    """The steering so many times as strong; at 0 nothing of it is left, its words included."""
    return steering.scaled(strength) if strength else UNSTEERED


def before(said: str, text: str) -> str:
    """What a steering says to the model, and then the text."""
    return "\n\n".join(part for part in (said, text) if part)


def opened(said: str, turns: Iterable[tuple[str, str]]) -> Turns:
    """A conversation that starts with a steering's words; a system message that it has follows in the same one."""
    turns = tuple(turns)
    if not said:
        return turns
    if turns and turns[0][0] == "system":
        return (("system", before(said, turns[0][1])), *turns[1:])
    return (("system", said), *turns)
