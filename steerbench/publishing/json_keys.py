"""Keys that a JSON text gives twice: of these, readers take one and do not say which."""

import json
from typing import Any


def repeated_key(text: str | bytes) -> str:
    """The first key that an object in a JSON text has twice; "" if none has. Of what is no JSON, others tell."""
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
