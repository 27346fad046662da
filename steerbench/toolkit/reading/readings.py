"""The result of reading an answer from a text."""

from dataclasses import dataclass

READ = 0.5
"""The lower end of the accuracy's interval must exceed this share when the prompt gives the answers."""
DENIED = "what is named is denied"
"""`Reading.reason` of a sentence that only says what the answer is not."""


@dataclass(frozen=True)
class Reading:
    """The normalised answer, or None and the `reason` why the text states none."""

    answer: str | None
    reason: str = ""


def none(reason: str) -> Reading:
    """A reading without an answer."""
    return Reading(None, reason)
