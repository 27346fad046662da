"""Portraits of a run's methods: what each says of itself, and what its steerings change at the strengths chosen."""

import inspect
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.steering import Add, Edit, Steering, load_steering
from steerbench.errors import UserError
from steerbench.plugins.composed import names
from steerbench.plugins.finding import find
from steerbench.publishing.model_shape import ModelShape, shape_of
from steerbench.publishing.schema import Edited, Portrait
from steerbench.records.results import RunResult

LONGEST = 2000
"""Characters of what a method says of itself; a composed one's parts share them."""
PARAGRAPHS = 2

Indices = NDArray[np.int64]


@dataclass(frozen=True, order=True)
class Place:
    """Where in the model, by what kind of edit, at which positions."""

    layer: int
    site: str
    kind: str
    positions: str


@dataclass
class _Touched:
    """What the steerings of a method touch at one place: how much in each target, and over how many positions."""

    counts: list[int] = field(default_factory=list)
    fronts: set[int] = field(default_factory=set)
    size: int = 0
    """Coordinates of the place: an `Add` tells; of neurons, one more than the largest index seen."""


def portraits(run: Path, result: RunResult) -> dict[str, Portrait]:
    """By method, from the steerings in the run's folder: those of each target at its chosen strength.

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
    """The first paragraphs of a method's docstring as written; a composed one's parts in order, each with its name.

    Empty where it has none, or is not installed here.
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
    text = inspect.cleandoc(getattr(method, "__doc__", None) or "")
    if text.startswith(f"{getattr(method, '__name__', '')}("):  # what a dataclass says that has nothing to say
        return ""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)][:PARAGRAPHS]
    return "\n\n".join(paragraphs)


def _steerings(run: Path, name: str, targets: Sequence[str]) -> Iterator[Steering]:
    """Those that a run kept (`steerbench.running.fits`): one that changes nothing has no file."""
    for target in targets:
        path = run / "steerings" / quote(name) / f"{quote(target)}.safetensors"
        if path.is_file():
            yield load_steering(path)[0]


def _touched(steerings: Sequence[Steering]) -> dict[Place, _Touched]:
    found: defaultdict[Place, _Touched] = defaultdict(_Touched)
    for steering in steerings:
        # Of one target: several edits of a place, as blends have, touch what any of them touches.
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
    kind = type(edit).__name__.lower()
    if isinstance(edit, Add):
        changed = np.atleast_2d(edit.vector * edit.strength).any(axis=0)
        return Place(edit.layer, edit.site, kind, edit.positions.kind), changed.size, np.flatnonzero(changed)
    neurons = np.asarray(edit.neurons, np.int64)
    place = Place(edit.layer, "mlp_act", kind, edit.positions.kind)
    return place, int(neurons.max(initial=-1)) + 1, np.unique(neurons)


def _widest(found: dict[str, dict[Place, _Touched]], shape: ModelShape | None) -> int:
    """How many neurons a layer has: the model's, or what the largest index in the run tells."""
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
    """`front-9`, or `front-9 to 21` where targets differ in how many of the first positions are edited."""
    if place.positions != "front":
        return place.positions
    low, high = min(fronts), max(fronts)
    return f"front-{low}" if low == high else f"front-{low} to {high}"
