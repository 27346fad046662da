"""Layers as a user names them: one ("5"), several ("3,5"), ranges with both ends ("10-14,20")."""

import re
from collections.abc import Collection

from steerbench.contracts import Engine
from steerbench.errors import UserError

Layers = int | str | None
"""None: all of them. An int is what the command line makes of a single number."""


def parsed_layers(method: str, layers: Layers) -> frozenset[int] | None:
    """The numbers a user named, counted from 0; None for all.

    Raises:
        UserError: it is no list of layers, or a range runs backwards.
    """
    if layers is None:
        return None
    found: set[int] = set()
    for part in str(layers).split(","):
        ends = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if not ends or int(ends[2] or ends[1]) < int(ends[1]):
            raise UserError(
                f"{method}.layers cannot be '{layers}'; name layers from 0 on and ranges of them, as in 3,5,10-14."
            )
        found.update(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    return frozenset(found)


def checked_layers(method: str, layers: Layers, engine: Engine) -> Collection[int]:
    """The layers of this model that a user named.

    Raises:
        UserError: as `parsed_layers`; or the model has no such layer.
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
    """The layer asked for, or the one at this share of the model's depth.

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
