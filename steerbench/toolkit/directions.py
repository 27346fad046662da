"""Directions in activation space, and how long a step along them is."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


def mass_mean(activations: Floats, own: Bools) -> Floats:
    """Difference of class means (Marks and Tegmark 2023; Li et al. 2023 section 3.2 call it mass mean shift).

    `activations` [rows, ...], `own` [rows], true for the one class; returns [...]. Where a class has no row there is no
    direction: it is zero. Of one target at a time, so that nobody's depends on who else is fitted.
    """
    if own.all() or not own.any():
        return np.zeros(activations.shape[1:], np.float32)
    own_mean, other_mean = (activations[rows].mean(axis=0, dtype=np.float64) for rows in (own, ~own))
    return np.asarray(own_mean - other_mean, np.float32)


def one_deviation_long(directions: Floats, activations: Floats) -> Floats:
    """Each direction scaled to the standard deviation of the activations' projections on it.

    `directions` [..., dim], `activations` [rows, ..., dim]. One such vector moves an activation as far as the
    activations differ among themselves, whatever the size of the model's numbers. Zero stays zero.
    """
    lengths = np.linalg.norm(directions, axis=-1, keepdims=True)
    unit = np.divide(directions, lengths, out=np.zeros_like(directions), where=lengths > 0)
    spread = np.einsum("r...d,...d->r...", activations.astype(np.float64), unit).std(axis=0)
    return np.asarray(unit * spread[..., None], dtype=np.float32)
