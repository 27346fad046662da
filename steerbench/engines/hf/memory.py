"""Chooses how many tokens to compute at once, from the free memory."""

import psutil
import torch

from steerbench.engines.hf.batching import GENERATION_ROOM
from steerbench.engines.hf.modules import Modules

CEILING = {"cpu": 16_384, "cuda": 131_072}
"""Largest budget in tokens. Larger batches are not faster, and an interrupted run loses its current batch."""

FLOOR = 1_024

SHARE = 0.5
"""Share of the free memory that a batch may take; the rest is for logits, masks and the allocator."""


def measured_budget(modules: Modules) -> int:
    """The token budget for which keys and values of all layers, and one layer's activations, fit into memory.

    Divided by `GENERATION_ROOM`, because a generating batch holds that many times as many tokens.
    """
    free = torch.cuda.mem_get_info(modules.device)[0] if modules.device.type == "cuda" else _free_of_cpu()
    config = modules.config
    head = modules.width("head_out") // config.num_attention_heads
    numbers = 2 * config.num_hidden_layers * config.num_key_value_heads * head
    numbers += 8 * config.hidden_size + 4 * config.intermediate_size
    fits = int(SHARE * free / (numbers * modules.dtype.itemsize)) // GENERATION_ROOM
    return max(FLOOR, min(fits, CEILING[modules.device.type]))


def _free_of_cpu() -> int:
    return int(psutil.virtual_memory().available)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is a failed allocation, on CPU or CUDA."""
    said = str(error)
    return (
        isinstance(error, torch.OutOfMemoryError | MemoryError)
        or "can't allocate memory" in said
        or "not enough memory" in said
    )
