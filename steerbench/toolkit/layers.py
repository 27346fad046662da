"""Layers as a user writes them: one ("5"), several ("3,5"), or inclusive ranges ("10-14,20")."""

import re
from collections.abc import Collection

from steerbench.contracts import Engine
from steerbench.errors import UserError

Layers = int | str | None
"""None means all layers. The command line parses a single number as an int."""


def parsed_layers(method: str, layers: Layers) -> frozenset[int] | None:
    """The layer numbers a user wrote, counted from 0; None for all.

    Raises:
        UserError: the text is not a list of layers, or a range runs backwards.
    """
    if layers is None:
        return None
    found: set[int] = set()
    for part in str(layers).split(","):
        ends = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if not ends or int(ends[2] or ends[1]) < int(ends[1]):
            raise UserError(
                f"{method}.layers cannot be '{layers}'; write layer numbers from 0 and ranges, such as 3,5,10-14."
            )
        found.update(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    return frozenset(found)


def checked_layers(method: str, layers: Layers, engine: Engine) -> Collection[int]:
    """The layers a user wrote, checked against this model.

    Raises:
        UserError: as `parsed_layers`, or the model has no such layer.
    """
    found = parsed_layers(method, layers)
    if found is None:
        return range(engine.layers)
    if max(found) >= engine.layers:
        raise UserError(
            f"{method}.layers is {layers}, but the model's layers go from 0 to {engine.layers - 1}; choose among them."
        )
    return found


def checked_layer(method: str, layer: int | None, depth: float, engine: Engine) -> int:
    """The layer asked for; by default the one at the share `depth` of the model's layers.

    Raises:
        UserError: the model has no such layer.
    """
    if layer is None:
        return round(depth * engine.layers)
    if layer >= engine.layers:
        raise UserError(
            f"{method}.layer is {layer}, but the model's layers go from 0 to {engine.layers - 1}; choose one of them."
        )
    return layer
