"""Compiles a steering's edits to table rows: the additions and caps at each layer, for each kind of position."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save

from steerbench.contracts.edits import Add, Boost, Cap, Edit, Mapped, Site
from steerbench.contracts.steering import Steering
from steerbench.engines.thinning import PERIOD, draws
from steerbench.engines.vllm.schedule import NEUTRAL, SITES, Schedule
from steerbench.errors import UserError

Layers = dict[int, NDArray[np.float32]]
Width = Callable[[Site], int]


@dataclass(frozen=True, eq=False)
class Lowered:
    """A compiled steering: rows [n, dim] by site and layer, and each site's schedule over rows 1 to n.

    The neutral row 0 is not included.
    """

    rows: Mapping[str, Mapping[int, NDArray[np.float32]]]
    schedules: Mapping[str, Schedule]

    def count(self, site: str) -> int:
        layers = self.rows.get(site, {})
        return next((len(rows) for rows in layers.values()), 0)

    def payload(self) -> bytes:
        """The rows as one safetensors file."""
        return save({f"{site}.{layer}": rows for site, layers in self.rows.items() for layer, rows in layers.items()})


def check_kinds(steerings: Iterable[Steering]) -> None:
    """Raises UserError: an edit is of a kind that tables of rows cannot hold, or has gates."""
    for steering in steerings:
        for edit in steering.all_edits:
            if isinstance(edit, Mapped):
                raise UserError(f"The vLLM engine does not run {type(edit).__name__} edits; use --engine hf.")
            if edit.gates:
                raise UserError("The vLLM engine does not run edits with gates; use --engine hf.")


def lower(steering: Steering, width: Width) -> Lowered:
    """Compile a steering, which must fit the model (`check_steerings`)."""
    rows: dict[str, Mapping[int, NDArray[np.float32]]] = {}
    schedules: dict[str, Schedule] = {}
    for site in SITES:
        edits = [edit for edit in steering.edits if _table_of(edit) == site]
        if edits:
            rows[site], schedules[site] = _site(site, edits, width)
    return Lowered(rows, schedules)


def _table_of(edit: Edit) -> str:
    if isinstance(edit, Cap):
        return "mlp_cap"
    site = edit.site
    return "mlp_add" if site == "mlp_act" else site


def _site(site: str, edits: list[Edit], width: Width) -> tuple[Layers, Schedule]:
    """One table's distinct rows by layer, and the schedule that uses them."""
    found: list[Layers] = []
    numbers: dict[tuple[tuple[int, bytes], ...], int] = {(): NEUTRAL}

    def number(row: Layers) -> int:
        key = tuple((layer, row[layer].tobytes()) for layer in sorted(row))
        if key not in numbers:
            found.append(row)
            numbers[key] = len(found)
        return numbers[key]

    thin = [edit for edit in edits if isinstance(edit, Boost) and edit.kept < 1]
    front = max((edit.positions.front for edit in edits if edit.positions.kind == "front"), default=0)
    prompt = PERIOD if any(edit.positions.kind == "all" for edit in thin) else 1
    decode = PERIOD if thin else 1
    schedule = Schedule(
        tuple(number(_row(edits, width, position, front=True)) for position in range(front)),
        tuple(number(_row(edits, width, position)) for position in range(prompt)),
        tuple(number(_row(edits, width, position, decode=True)) for position in range(decode)),
    )
    fill = np.inf if site == "mlp_cap" else 0.0
    layers = sorted({layer for row in found for layer in row})
    dim = next((len(vector) for row in found for vector in row.values()), 0)
    neutral = np.full(dim, fill, np.float32)
    return {layer: np.stack([row.get(layer, neutral) for row in found]) for layer in layers}, schedule


def _row(edits: Iterable[Edit], width: Width, position: int, front: bool = False, decode: bool = False) -> Layers:
    """By layer, the sum of all edits at a position: in the front, in the rest of the prompt, or after it."""
    row: Layers = {}
    for edit in edits:
        kind = edit.positions.kind
        if (kind == "decode" and not decode) or (kind == "front" and not (front and position < edit.positions.front)):
            continue
        dim = width(edit.site)
        if isinstance(edit, Cap):
            caps = row.setdefault(edit.layer, np.full(dim, np.inf, np.float32))
            caps[edit.neurons] = np.minimum(caps[edit.neurons], np.float32(edit.maximum))
        elif isinstance(edit, Add | Boost):  # others have been refused (`check_kinds`)
            row[edit.layer] = row.get(edit.layer, np.zeros(dim, np.float32)) + _added(edit, dim, position)
    return row


def _added(edit: Add | Boost, dim: int, position: int) -> NDArray[np.float32]:
    """[dim]: the vector that an edit adds at a position."""
    if isinstance(edit, Add):
        vector = edit.vector if edit.vector.ndim == 1 else edit.vector[position]
        return np.float32(edit.strength) * vector.astype(np.float32)
    vector = np.zeros(dim, np.float32)
    np.add.at(vector, edit.neurons, edit.values.astype(np.float32))
    if edit.kept < 1:
        drawn = draws(edit.layer, dim, torch.device("cpu")).numpy()[position % PERIOD]
        vector = np.where(drawn < edit.kept, vector, np.float32(0))
    return np.asarray(np.float32(edit.strength) * vector, np.float32)
