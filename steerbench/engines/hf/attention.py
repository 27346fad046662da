"""Attention on a CPU while one token a row is generated, where several query heads share keys and values.

transformers copies keys and values for every query head as soon as there is a mask. Here query heads that share
them are told to torch's kernel as if they were positions, so that keys and values are read once for all of them.
The numbers are the same: only shapes differ.
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
    """Let a model that uses `sdpa` on a CPU attend this way; any other is left alone."""
    if model.device.type == "cpu" and model.config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, attend)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        model.set_attn_implementation(NAME)


def attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """[rows, length, heads, dim], as transformers' attention layers call it.

    Query is [rows, heads, length, dim], key and value [rows, shared heads, keys, dim].
    """
    rows, heads, length, dim = query.shape
    if length > 1:
        # Copies of keys and values pay here: the kernel reads them for many tokens each.
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    positions = query.view(rows, key.shape[1], -1, dim)
    out = scaled_dot_product_attention(positions, key, value, attention_mask, scale=options["scaling"])
    return out.reshape(rows, 1, heads, dim), None
