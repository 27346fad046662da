"""How many tokens to compute at once, measured from the memory that is free."""

from typing import Any

import psutil
import torch

CEILING = {"cpu": 16_384, "cuda": 131_072}
"""Beyond this a larger batch is no faster, and a finished chunk is what an interrupted run keeps."""

SHARE = 0.4
"""Share of the free memory a batch may take; the rest is for logits, masks and the allocator."""


def token_budget(config: Any, device: torch.device, dtype: torch.dtype) -> int:
    """Tokens of a batch: keys and values of all layers, and one layer's activations, must fit."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    numbers = 2 * config.num_hidden_layers * config.num_key_value_heads * head
    numbers += 8 * config.hidden_size + 4 * config.intermediate_size
    fits = int(SHARE * free / (numbers * dtype.itemsize))
    return max(1_024, min(fits, CEILING[device.type]))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on either device."""
    return isinstance(error, torch.cuda.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
