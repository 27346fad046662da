"""Directions in activation space, and their scale."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


def mass_mean(activations: Floats, own: Bools) -> Floats:
    """Difference of class means (Marks and Tegmark 2023; "mass mean shift" in Li et al. 2023, section 3.2).

    `activations` [rows, ...] and `own` [rows], true for the first class; returns [...]. It is zero if one class has no
    rows. It takes one target at a time, so that the result does not depend on other targets.
    """
    if own.all() or not own.any():
        return np.zeros(activations.shape[1:], np.float32)
    own_mean, other_mean = (activations[rows].mean(axis=0, dtype=np.float64) for rows in (own, ~own))
    return np.asarray(own_mean - other_mean, np.float32)


def one_deviation_long(directions: Floats, activations: Floats) -> Floats:
    """Scales each direction to the standard deviation of the activations' projections on it.

    `directions` [..., dim], `activations` [rows, ..., dim]. Adding the result shifts an activation by one standard
    deviation, whatever the scale of the model's activations. A zero direction stays zero.
    """
    lengths = np.linalg.norm(directions, axis=-1, keepdims=True)
    unit = np.divide(directions, lengths, out=np.zeros_like(directions), where=lengths > 0)
    spread = np.einsum("r...d,...d->r...", activations.astype(np.float64), unit).std(axis=0)
    return np.asarray(unit * spread[..., None], dtype=np.float32)
