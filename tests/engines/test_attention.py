"""Attention on shared heads, against the same in plain steps."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from steerbench.engines.hf.attention import NAME, attend
from steerbench.engines.hf.engine import HFEngine


def in_steps(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scaling: float) -> Tensor:
    """[rows, length, heads, dim], one head of one row at a time."""
    rows, heads, length, dim = query.shape
    out = torch.zeros(rows, length, heads, dim)
    for row in range(rows):
        for head in range(heads):
            shared = head * key.shape[1] // heads
            scores = scaling * query[row, head] @ key[row, shared].T
            weights = scores.masked_fill(~mask[row, 0], -torch.inf).softmax(-1)
            out[row, :, head] = weights @ value[row, shared]
    return out


@pytest.mark.parametrize("length", [1, 5])
@pytest.mark.parametrize("shared", [1, 3, 9])
@pytest.mark.parametrize("masked", [True, False])
def test_heads_that_share_keys_attend_as_one_head_at_a_time_does(length: int, shared: int, masked: bool) -> None:
    torch.manual_seed(length + shared)
    keys = 7 if masked else length
    query, key, value = torch.randn(2, length, 9, 4), torch.randn(2, shared, keys, 4), torch.randn(2, shared, keys, 4)
    mask = torch.rand(2, 1, length, keys) < 0.5
    mask[..., 0] = True
    module = torch.nn.Module()
    module.num_key_value_groups = 9 // shared  # type: ignore[assignment]
    seen = mask if masked else torch.ones(length, length, dtype=torch.bool).tril().expand(2, 1, -1, -1)
    found, _ = attend(module, query.transpose(1, 2), key, value, mask if masked else None, scaling=0.3)
    assert torch.allclose(found, in_steps(query.transpose(1, 2), key, value, seen, 0.3), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "attention"), [("llama", NAME), ("gemma3", NAME), ("qwen2 sliding", NAME), ("gemma2", "eager")]
)
def test_a_model_that_needs_attention_of_its_own_keeps_it(
    engine_of: Callable[..., HFEngine], name: str, attention: str
) -> None:
    modules = engine_of(name).modules
    assert {layer.self_attn.config._attn_implementation for layer in modules.layers} == {attention}


@pytest.mark.parametrize("name", ["llama", "gemma3", "qwen2 sliding"])
def test_a_model_says_the_same_as_under_its_first_attention(engine_of: Callable[..., HFEngine], name: str) -> None:
    model = engine_of(name).loaded.model
    tokens, mask = torch.arange(24).view(2, 12) % 20 + 6, torch.ones(2, 13, dtype=torch.long)
    mask[0, :4] = 0

    def logits() -> Tensor:
        read = model(tokens, attention_mask=mask[:, :12])
        then = model(tokens[:, :1], attention_mask=mask, past_key_values=read.past_key_values)
        return torch.cat([read.logits[:, 4:], then.logits], 1)

    with torch.inference_mode():
        found = logits()
        model.set_attn_implementation("sdpa")
        expected = logits()
        model.set_attn_implementation(NAME)
    assert (found - expected).abs().max() <= 1e-5
