"""Strings that end an answer. Engines stop at the model's own end only, so what comes after them is cut off."""

from collections.abc import Iterable


def cut(text: str, stops: Iterable[str]) -> str:
    """The text up to the first of the strings in it."""
    return text[: min((place for stop in stops if stop and (place := text.find(stop)) >= 0), default=None)]
