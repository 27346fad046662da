"""Ten hand-made answers to each kind of instruction (responses.json): some follow it, some do not, some only loosely.

A field stands for an argument of the instruction; with a text after the colon, for that text so many times.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESPONSES: dict[str, list[str]] = json.loads(Path(__file__).with_name("responses.json").read_text(encoding="utf-8"))


class _Times(int):
    def __format__(self, piece: str) -> str:
        return piece * self if piece else str(int(self))


def responses(kind: str, arguments: Mapping[str, Any]) -> list[str]:
    """The ten answers to an instruction of that kind."""
    return [text.format(**{name: _field(value) for name, value in arguments.items()}) for text in RESPONSES[kind]]


def _field(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(value)
    return _Times(value) if isinstance(value, int) else value
