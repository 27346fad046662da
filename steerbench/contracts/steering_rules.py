"""What every edit must be, whatever model it is for: checked where a file is read and where a method hands one over.

A fitted number that is nan is a mistake, and would be run as if it were none. What a strength makes of sound numbers is
another matter: that may overflow, and an engine says so of the answer.
"""

import sys
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np

from steerbench.contracts.steering import Add, Boost, Cap, Edit, Positions, Site, Steering
from steerbench.errors import UserError

MOST_LAYERS = 10_000
"""No model has so many: a number beyond it is a mistake that need not wait for the model to be loaded."""

LONGEST_FRONT = 65_536
"""Tokens: each takes a row of its own in an engine's tables."""

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


def fault(edit: Edit) -> str | None:
    """The first thing that is wrong with an edit, in words that follow "the steering"; None if nothing is."""
    return next(_faults(edit), None)


def check_fitted(method: str, target: str, steering: Steering) -> None:
    """Raises UserError: a method fitted an edit that no model can be given."""
    for edit in steering.all_edits:
        if (wrong := fault(edit)) is not None:
            raise UserError(f"What '{method}' fitted for '{target}' cannot be used: the steering {wrong}.")


def is_number(value: Any) -> bool:
    """Whether it is a finite number; a truth value, which Python counts among them, is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _faults(edit: Any) -> Iterator[str]:
    """What is wrong; each check assumes that those before it found nothing, so only the first is to be trusted."""
    if not isinstance(edit, Add | Cap | Boost):
        yield f"holds a {type(edit).__name__}, which is none of the edits Add, Cap and Boost"
        return
    site = edit.site if isinstance(edit, Add) else "mlp_act"
    if site not in get_args(Site):
        yield f"edits the site {site!r}, where there are only {', '.join(get_args(Site))}"
    if not is_whole(edit.layer):
        yield f"edits the layer {edit.layer!r}; a layer is a whole number"
    if edit.layer < 0:
        yield f"edits layer {edit.layer}; layers are counted from 0"
    if edit.layer >= MOST_LAYERS:
        yield f"edits a layer that no model has ({edit.layer})"
    where = f"at {site} of layer {edit.layer}"
    yield from _position_faults(edit.positions, where)
    if isinstance(edit, Add):
        yield from _vector_faults(edit, where)
    else:
        yield from _neuron_faults(edit, where)
    if not isinstance(edit, Cap) and not is_number(edit.strength):
        yield f"has the strength {edit.strength!r} {where}; a strength is a finite number"


def _position_faults(positions: Any, where: str) -> Iterator[str]:
    if not isinstance(positions, Positions) or positions.kind not in ("all", "front", "decode"):
        yield f"edits the positions {positions} {where}, where there are only all, front and decode"
    if positions.kind == "front":
        if not is_whole(positions.front) or not 1 <= positions.front <= LONGEST_FRONT:
            yield f"edits the first {positions.front!r} tokens {where}; it can be 1 to {LONGEST_FRONT} of them"
    elif positions.front != 0 or not is_whole(positions.front):
        yield f"has a front of {positions.front!r} tokens {where}, but edits positions {positions.kind}"


def _vector_faults(edit: Add, where: str) -> Iterator[str]:
    yield from _array_faults(edit.vector, np.float32, f"as the vector {where}")
    rows = edit.vector.shape[:-1]
    if edit.vector.ndim == 0 or rows not in ((), (edit.positions.front,)) or edit.vector.size == 0:
        yield (
            f"adds a {'x'.join(map(str, edit.vector.shape)) or 'single-number'} array {where} to positions "
            f"{edit.positions}; it takes one row, or one row for each of the front positions"
        )
    if not np.isfinite(edit.vector).all():
        yield f"adds numbers {where} that are infinite or nan"


def _neuron_faults(edit: Cap | Boost, where: str) -> Iterator[str]:
    yield from _array_faults(edit.neurons, np.int64, f"as the neurons {where}")
    if edit.neurons.ndim != 1:
        yield f"has {edit.neurons.ndim}-dimensional neurons {where}; their numbers are one row"
    if edit.neurons.size and edit.neurons.min() < 0:
        yield f"edits neuron {edit.neurons.min()} {where}; neurons are counted from 0"
    # Sorted, as most methods have them, they need no sorting.
    if not (np.diff(edit.neurons) > 0).all() and len(np.unique(edit.neurons)) < len(edit.neurons):
        yield f"edits a neuron twice {where}"
    yield from _cap_faults(edit, where) if isinstance(edit, Cap) else _boost_faults(edit, where)


def _cap_faults(edit: Cap, where: str) -> Iterator[str]:
    if not is_number(edit.maximum) or abs(edit.maximum) > LARGEST_FLOAT32:
        yield f"has a cap of {edit.maximum!r} {where}; a cap is a finite number that float32 can hold"
    if edit.positions.kind == "front":
        yield f"has a cap on the first tokens of a prompt {where}, which is not supported; use positions all or decode"


def _boost_faults(edit: Boost, where: str) -> Iterator[str]:
    yield from _array_faults(edit.values, np.float32, f"as the values {where}")
    if edit.values.shape != edit.neurons.shape:
        yield f"has {edit.values.size} values for {edit.neurons.size} neurons {where}; it takes one value a neuron"
    if not np.isfinite(edit.values).all():
        yield f"boosts neurons {where} by numbers that are infinite or nan"
    if not is_number(edit.kept) or not 0 < edit.kept <= 1:
        yield f"keeps a share of {edit.kept!r} of its neurons {where}; a share is over 0 and at most 1"
    if edit.kept < 1 and edit.positions.kind == "front":
        yield f"keeps a share of its neurons {where}, which cannot be on the first tokens of a prompt only"


def _array_faults(array: Any, dtype: type[np.generic], what: str) -> Iterator[str]:
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        given = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        yield f"has {given} {what}; it takes an array of {np.dtype(dtype)}"
