"""Detects overflow: a steering so strong that the model's numbers exceed their dtype.

Checking for inf and nan is not enough. RMSNorm divides by a state's length, whose square it computes in float32. If
that overflows, the result is zeros, which give every token the same likelihood and look like a valid answer.
"""

import torch
from torch import Tensor


def normable(states: Tensor) -> Tensor:
    """[...]: whether states [..., width] are finite, and so are the sums of their squares in float32."""
    return states.float().square().sum(-1).isfinite()


def unmistakable(added: Tensor) -> Tensor:
    """Added vectors [..., width], replaced entirely by nan where a norm would overflow on them.

    A nan reaches the logits through every layer, whereas a norm after the edit would hide the overflow.
    """
    return added.masked_fill(~normable(added)[..., None], torch.nan)
