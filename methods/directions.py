"""Directions in activation space, many targets at once."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


def mass_mean(activations: Floats, labels: Bools, used: Bools) -> Floats:
    """Difference of class means (Marks and Tegmark 2023; Li et al. 2023 section 3.2 call it mass mean shift).

    `activations` [rows, ...], `labels` and `used` [targets, rows]; returns [targets, ...]. A target with
    no or one class has no direction: its entries are zero.
    """
    own, other = labels & used, ~labels & used
    own_count, other_count = own.sum(axis=1, keepdims=True), other.sum(axis=1, keepdims=True)
    weights = own / np.maximum(own_count, 1) - other / np.maximum(other_count, 1)
    weights[(own_count * other_count)[:, 0] == 0] = 0
    means = weights.astype(np.float32) @ activations.reshape(len(activations), -1)
    return np.asarray(means.reshape(len(labels), *activations.shape[1:]))


def one_deviation_long(directions: Floats, activations: Floats) -> Floats:
    """Each direction scaled to the standard deviation of the activations' projections on it.

    `directions` [..., dim], `activations` [rows, ..., dim]. One such vector moves an activation as far as the
    activations differ among themselves, whatever the size of the model's numbers. Zero stays zero.
    """
    lengths = np.linalg.norm(directions, axis=-1, keepdims=True)
    unit = np.divide(directions, lengths, out=np.zeros_like(directions), where=lengths > 0)
    spread = np.einsum("r...d,...d->r...", activations.astype(np.float64), unit).std(axis=0)
    return np.asarray(unit * spread[..., None], dtype=np.float32)
