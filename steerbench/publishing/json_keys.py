"""Finds keys that occur twice in one object of a JSON text. Readers silently use one of them."""

import json
from typing import Any


def repeated_key(text: str | bytes) -> str:
    """The first key that occurs twice in one object; "" if there is none or the text is not JSON."""
    try:
        json.loads(text, object_pairs_hook=_once)
    except _RepeatedError as found:
        return str(found)
    except (ValueError, RecursionError):
        pass
    return ""


class _RepeatedError(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _RepeatedError(next(key for place, key in enumerate(keys) if key in keys[:place]))
    return found
