"""When a steering overflows: its strength drives the model's numbers out of their type.

Not only inf and nan tell. RMSNorm divides by a state's length, whose square it takes in float32: of a state too long
for that it makes zeros, and zeros give every token the same likelihood, which looks like an answer.
"""

import torch
from torch import Tensor


def normable(states: Tensor) -> Tensor:
    """[...]: whether states [..., width] are finite, and so are the sums of their squares in float32."""
    return states.float().square().sum(-1).isfinite()


def unmistakable(added: Tensor) -> Tensor:
    """What a steering adds [..., width], with nan for all of a vector that no norm could take.

    Nan reaches the logits through every layer, where a norm behind the edit would have hidden the overflow.
    """
    return added.masked_fill(~normable(added)[..., None], torch.nan)
