"""Random selection of a boost's neurons at each position, independent of the rest of the batch."""

import numpy as np
import torch
from torch import Tensor

PERIOD = 61
"""Positions after which the draws repeat; a prime, so that they do not align with a periodic text."""


def draws(layer: int, dim: int, device: torch.device) -> Tensor:
    """[PERIOD, dim]: a layer's uniform random numbers. A boost keeps the neurons whose number is below its share."""
    return torch.from_numpy(np.random.default_rng(layer).random((PERIOD, dim), np.float32)).to(device)
