"""Random selection of a boost's neurons at each position, independent of the rest of the batch."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

PERIOD = 61
"""Positions after which the draws repeat; a prime, so that they do not align with a periodic text."""


@lru_cache(maxsize=2)
def draws(layer: int, dim: int) -> NDArray[np.float32]:
    """[PERIOD, dim]: a layer's uniform random numbers. A boost keeps the neurons whose number is below its share."""
    return np.asarray(np.random.default_rng(layer).random((PERIOD, dim), np.float32))


def drawn(layer: int, dim: int, position: int) -> NDArray[np.float32]:
    """[dim]: the numbers of a position."""
    return np.asarray(draws(layer, dim)[position % PERIOD])
