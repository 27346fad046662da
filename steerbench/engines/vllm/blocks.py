"""Blocks of vLLM's cache, freed of what an overflow has left in them.

The tokens that a block has no entry for yet are weighted with 0 when it is attended to, and 0 times nan is nan. vLLM
gives blocks on as they are, so from the first overflow on they are put to zero as requests are given them.
"""

from collections.abc import Iterator
from typing import Any

import torch


def clear_fresh(runner: Any, scheduled: Any) -> None:
    """Zero the blocks that a step's requests have been given for tokens to come, before it runs."""
    config, layers = runner.kv_cache_config, runner.compilation_config.static_forward_context
    for place, group in enumerate(config.kv_cache_groups):
        fresh = sorted(set(_fresh(scheduled, place, group.kv_cache_spec.block_size)))
        for name in group.layer_names if fresh else ():
            # [blocks, ...]; a kernel may want each block as several smaller ones.
            cache = layers[name].kv_cache
            parts = cache.shape[0] // config.num_blocks
            first = torch.tensor(fresh, device=cache.device)[:, None] * parts
            cache.index_fill_(0, (first + torch.arange(parts, device=cache.device)).view(-1), 0)


def _fresh(scheduled: Any, group: int, size: int) -> Iterator[int]:
    """A group's blocks of so many tokens that were not a request's before, and hold nothing that it found cached."""
    for request in scheduled.scheduled_new_reqs:
        yield from request.block_ids[group][request.num_computed_tokens // size :]
    known = scheduled.scheduled_cached_reqs
    for name, blocks, done in zip(known.req_ids, known.new_block_ids, known.num_computed_tokens, strict=True):
        if blocks is not None:
            # A request that was put off gets all of its blocks anew, the cached ones first.
            yield from blocks[group][done // size if name in known.resumed_req_ids else 0 :]
