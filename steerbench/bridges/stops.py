"""Stop strings. Engines stop only at the model's end token, so text after a stop string is cut off afterwards."""

from collections.abc import Iterable


def cut(text: str, stops: Iterable[str]) -> str:
    """The text up to the first stop string in it."""
    return text[: min((place for stop in stops if stop and (place := text.find(stop)) >= 0), default=None)]
