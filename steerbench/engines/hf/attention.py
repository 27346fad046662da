"""Faster grouped-query attention on a CPU, for decoding one token per row.

With a mask, transformers copies keys and values for every query head. Here query heads that share them are passed to
torch's kernel as positions, so that keys and values are read once. The numbers are the same; only shapes differ.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "steerbench_shared_heads"


def share_heads(model: Any) -> None:
    """Use this attention in a model that uses `sdpa` on a CPU; other models are left unchanged."""
    if model.device.type == "cpu" and model.config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, attend)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        model.set_attn_implementation(NAME)


def attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """Attention output [rows, length, heads, dim], with the signature of transformers' attention functions.

    `query` is [rows, heads, length, dim]; `key` and `value` are [rows, key heads, keys, dim].
    """
    rows, heads, length, dim = query.shape
    if length > 1:
        # With many tokens per row, copying keys and values is faster.
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    positions = query.view(rows, key.shape[1], -1, dim)
    out = scaled_dot_product_attention(positions, key, value, attention_mask, scale=options["scaling"])
    return out.reshape(rows, 1, heads, dim), None
