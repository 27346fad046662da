"""Attention on a CPU where several query heads share a head of keys and values, without copies of these.

transformers repeats keys and values for every query head as soon as there is a mask. torch's kernel for the
CPU can do without; and while one token is generated, query heads that share keys are told it as if they were
positions, so that keys are read once for all of them. The numbers are the same: only shapes differ.
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
    if length == 1:
        positions = query.view(rows, key.shape[1], -1, dim)
        out = scaled_dot_product_attention(positions, key, value, attention_mask, scale=options["scaling"])
        return out.reshape(rows, 1, heads, dim), None
    if attention_mask is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    out = scaled_dot_product_attention(query, key, value, attention_mask, scale=options["scaling"], enable_gqa=True)
    return out.transpose(1, 2).contiguous(), None
