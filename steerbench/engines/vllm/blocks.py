"""Clears blocks of vLLM's KV cache, in which an overflow may have left nan.

Attention weights a block's unused entries with 0, but 0 times nan is nan. vLLM reuses blocks without clearing them. So
after the first overflow, blocks are zeroed when they are assigned to a request.
"""

from collections.abc import Iterator
from typing import Any

import torch


def clear_fresh(runner: Any, scheduled: Any) -> None:
    """Zero the blocks that are newly assigned to a step's requests, before the step runs."""
    config, layers = runner.kv_cache_config, runner.compilation_config.static_forward_context
    for place, group in enumerate(config.kv_cache_groups):
        fresh = sorted(set(_fresh(scheduled, place, group.kv_cache_spec.block_size)))
        for name in group.layer_names if fresh else ():
            # [blocks, ...]; some kernels divide each block into several smaller ones.
            cache = layers[name].kv_cache
            parts = cache.shape[0] // config.num_blocks
            first = torch.tensor(fresh, device=cache.device)[:, None] * parts
            cache.index_fill_(0, (first + torch.arange(parts, device=cache.device)).view(-1), 0)


def _fresh(scheduled: Any, group: int, size: int) -> Iterator[int]:
    """A group's blocks (of `size` tokens) that are new to their request and hold no cached tokens of it."""
    for request in scheduled.scheduled_new_reqs:
        yield from request.block_ids[group][request.num_computed_tokens // size :]
    known = scheduled.scheduled_cached_reqs
    for name, blocks, done in zip(known.req_ids, known.new_block_ids, known.num_computed_tokens, strict=True):
        if blocks is not None:
            # A preempted request gets all of its blocks again, cached ones first.
            yield from blocks[group][done // size if name in known.resumed_req_ids else 0 :]
