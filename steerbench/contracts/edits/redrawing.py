"""An edit of the same size without meaning: what a placebo puts in an edit's place."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.edits.places import Vector


def same_norms(vector: Vector, parts: int, random: np.random.Generator) -> Vector:
    """A random array [..., dim] in which each of the `parts` equal parts of dim has the norm it has in `vector`."""
    blocks = vector.reshape(*vector.shape[:-1], parts, -1)
    noise = random.standard_normal(blocks.shape)
    noise *= np.linalg.norm(blocks, axis=-1, keepdims=True) / np.linalg.norm(noise, axis=-1, keepdims=True)
    return noise.reshape(vector.shape).astype(np.float32)


def same_angles(arrays: Sequence[Vector], random: np.random.Generator) -> list[Vector]:
    """Random rows for the rows of all arrays [rows, dim], with the lengths and the angles that these have.

    The space that the rows span is put into a random place: its coordinates are kept, and its basis is drawn.
    """
    rows = np.concatenate(arrays).astype(np.float64)
    _, sizes, basis = np.linalg.svd(rows, full_matrices=False)
    basis = basis[sizes > sizes[0] * np.finfo(np.float32).eps] if sizes[0] else basis[:0]
    drawn = orthonormal(len(basis), rows.shape[1], random)
    turned = (rows @ basis.T @ drawn).astype(np.float32)
    ends = np.cumsum([len(array) for array in arrays])[:-1]
    return np.split(turned, ends)


def orthonormal(count: int, dim: int, random: np.random.Generator) -> NDArray[np.float64]:
    """[count, dim]: uniformly drawn directions at right angles."""
    drawn, _ = np.linalg.qr(random.standard_normal((dim, count)))
    return np.asarray(drawn.T)
