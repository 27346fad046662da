"""How many tokens to compute at once, measured from the memory that is free."""

import psutil
import torch

from steerbench.engines.hf.batching import GENERATION_ROOM
from steerbench.engines.hf.modules import Modules

CEILING = {"cpu": 16_384, "cuda": 131_072}
"""Beyond this a larger batch is no faster, and a finished chunk is what an interrupted run keeps."""

FLOOR = 1_024

SHARE = 0.5
"""Share of the free memory a batch may take; the rest is for logits, masks and the allocator."""


def measured_budget(modules: Modules) -> int:
    """Tokens of a batch: keys and values of all layers, and one layer's activations, must fit.

    Generation holds `GENERATION_ROOM` times as many, so that is what is measured.
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
    """Whether an allocation failed, on either device."""
    said = str(error)
    return (
        isinstance(error, torch.OutOfMemoryError | MemoryError)
        or "can't allocate memory" in said
        or "not enough memory" in said
    )
