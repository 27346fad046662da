"""Portraits of a run's methods: their descriptions, and what their steerings change at the chosen strengths."""

import inspect
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.edits import Edit
from steerbench.contracts.steering import Steering, load_steering
from steerbench.errors import UserError
from steerbench.plugins.composed import names
from steerbench.plugins.finding import find
from steerbench.publishing.model_shape import ModelShape, shape_of
from steerbench.publishing.schema import Edited, Portrait
from steerbench.records.results import RunResult

LONGEST = 2000
"""Maximum characters of a method's description; the parts of a composed method share them."""
PARAGRAPHS = 2

Indices = NDArray[np.int64]


@dataclass(frozen=True, order=True)
class Place:
    """A layer, a site, a kind of edit and its positions."""

    layer: int
    site: str
    kind: str
    positions: str


@dataclass
class _Touched:
    """What the steerings of a method edit at one place: how many coordinates per target, and how many positions."""

    counts: list[int] = field(default_factory=list)
    fronts: set[int] = field(default_factory=set)
    size: int = 0
    """Number of coordinates at the place. An `Add` gives it; for neurons it is one more than the largest index seen."""


def portraits(run: Path, result: RunResult) -> dict[str, Portrait]:
    """By method, a portrait from the run's saved steerings, which have each target's chosen strength.

    Raises:
        UserError: a steering cannot be read.
    """
    shape = shape_of(result)
    prompted: dict[str, float] = {}
    found: dict[str, dict[Place, _Touched]] = {}
    for name, row in result.methods.items():
        steerings = list(_steerings(run, name, list(row.strengths)))
        prompted[name] = sum(bool(steering.prompt) for steering in steerings) / max(len(row.strengths), 1)
        found[name] = _touched(steerings)
    places = [place for by_place in found.values() for place in by_place]
    layers = shape.layers if shape else max((place.layer + 1 for place in places), default=None)
    widest = _widest(found, shape)
    return {
        name: Portrait(
            about=about(name),
            prompted=prompted[name],
            layers=layers if by_place else None,
            edits=_edits(by_place, len(result.methods[name].strengths), widest),
        )
        for name, by_place in found.items()
    }


def about(name: str) -> str:
    """The first paragraphs of a method's docstring. A composed method has those of its parts in order, with names.

    Empty if there is no docstring, or the method is not installed here.
    """
    parts = names(name)
    said = {part: _docstring(part) for part in parts}
    if len(parts) == 1:
        return said[name][:LONGEST]
    most = LONGEST // len(parts) - 2
    return "\n\n".join(f"{part}: {said[part]}"[:most] for part in parts if said[part])


def _docstring(name: str) -> str:
    try:
        method = find("method", name)
    except UserError:
        return ""
    text = inspect.cleandoc(method.__doc__ or "")
    if text.startswith(f"{method.__name__}("):  # the docstring that a dataclass generates
        return ""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)][:PARAGRAPHS]
    return "\n\n".join(paragraphs)


def _steerings(run: Path, name: str, targets: Sequence[str]) -> Iterator[Steering]:
    """The steerings that a run saved (`steerbench.running.fits`); one that changes nothing has no file."""
    for target in targets:
        path = run / "steerings" / quote(name) / f"{quote(target)}.safetensors"
        if path.is_file():
            yield load_steering(path)[0]


def _touched(steerings: Sequence[Steering]) -> dict[Place, _Touched]:
    found: defaultdict[Place, _Touched] = defaultdict(_Touched)
    for steering in steerings:
        # Several edits of one target at one place, as in blends, together edit the union of their coordinates.
        here: defaultdict[Place, set[int]] = defaultdict(set)
        for edit in steering.edits:
            place, size, indices = _of_edit(edit)
            if indices.size:
                here[place].update(indices.tolist())
                found[place].size = max(found[place].size, size)
                found[place].fronts.add(edit.positions.front)
        for place, coordinates in here.items():
            found[place].counts.append(len(coordinates))
    return found


def _of_edit(edit: Edit) -> tuple[Place, int, Indices]:
    """Where an edit lies, how large the place is at least, and which of its coordinates it changes."""
    indices, size = edit.changed()
    return Place(edit.layer, edit.site, type(edit).__name__.lower(), edit.positions.kind), size, indices


def _widest(found: dict[str, dict[Place, _Touched]], shape: ModelShape | None) -> int:
    """The number of neurons in a layer: the model's, or the largest in the run."""
    if shape:
        return shape.neurons
    return max((t.size for by in found.values() for place, t in by.items() if place.site == "mlp_act"), default=1)


def _edits(found: dict[Place, _Touched], targets: int, neurons: int) -> list[Edited]:
    return [
        Edited(
            site=place.site,
            layer=place.layer,
            kind=place.kind,
            positions=_positions(place, touched.fronts),
            share=sum(touched.counts) / targets / (neurons if place.site == "mlp_act" else touched.size),
        )
        for place, touched in sorted(found.items())
    ]


def _positions(place: Place, fronts: set[int]) -> str:
    """`front-9`, or `front-9 to 21` if targets differ in the number of first positions that are edited."""
    if place.positions != "front":
        return place.positions
    low, high = min(fronts), max(fronts)
    return f"front-{low}" if low == high else f"front-{low} to {high}"
