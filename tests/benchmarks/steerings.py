"""Steerings of the sizes that fits have, for timing."""

import numpy as np

from steerbench.contracts import Engine
from steerbench.contracts.edits import Add
from steerbench.contracts.steering import Steering


def heads(engine: Engine, person: int) -> Steering:
    """24 heads in 15 layers of the embedded model, the first among them, as a fit of PAS has."""
    rng = np.random.default_rng(person)
    size = engine.width // engine.heads
    vectors = np.zeros((engine.layers, engine.heads, size), np.float32)
    layers = np.concatenate([np.arange(0, 30, 2), np.arange(0, 18, 2)])
    vectors[layers, np.r_[rng.integers(0, 4, 15), rng.integers(4, 9, 9)]] = 0.1 * rng.normal(size=(24, size))
    return Steering(tuple(Add("head_out", int(n), vectors[n].ravel()) for n in np.unique(layers)))
