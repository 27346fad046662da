"""Random selection of a boost's neurons at each position, as tensors."""

import torch
from torch import Tensor

from steerbench.contracts.edits import thinning

PERIOD = thinning.PERIOD


def draws(layer: int, dim: int, device: torch.device) -> Tensor:
    """[PERIOD, dim]: a layer's uniform random numbers. A boost keeps the neurons whose number is below its share."""
    return torch.from_numpy(thinning.draws(layer, dim).copy()).to(device)
