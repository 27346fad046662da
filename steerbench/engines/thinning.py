"""Which neurons of a boost are left out at a position: drawn at random, the same whatever else is in the batch."""

import numpy as np
import torch
from torch import Tensor

PERIOD = 61
"""Positions after which the draws come again: a prime, so that no rhythm of a text falls in with it."""


def draws(layer: int, dim: int, device: torch.device) -> Tensor:
    """[PERIOD, dim]: uniform numbers of a layer. A boost keeps the neurons whose number is under its share."""
    return torch.from_numpy(np.random.default_rng(layer).random((PERIOD, dim), np.float32)).to(device)
