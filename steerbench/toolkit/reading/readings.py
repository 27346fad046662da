"""What was read out of a text."""

from dataclasses import dataclass

DENIED = "what is named is denied"
"""`Reading.reason` of a sentence that only says what the answer is not."""


@dataclass(frozen=True)
class Reading:
    """The normalised answer; None if the text states none, and then `reason` says what stands there instead."""

    answer: str | None
    reason: str = ""


def none(reason: str) -> Reading:
    """No answer."""
    return Reading(None, reason)
