"""Tiny GGUF files, written as llama.cpp's converter writes them, from tiny models saved by `tiny`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, quantize
from transformers import AutoModelForCausalLM, AutoTokenizer

from steerbench.testing.tiny_models import tiny_model

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "model.layers": "blk",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
WORDS = {"llama": "smollm", "qwen2": "qwen2", "qwen3": "qwen2"}


def interleaved(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows as llama.cpp wants them, one by one: row i of a head beside its row i + half."""
    rows = []
    dim = len(weight) // heads
    for head in range(heads):
        for i in range(dim // 2):
            rows += [weight[head * dim + i], weight[head * dim + i + dim // 2]]
    return np.stack(rows)


def tiny_gguf(
    path: Path,
    family: str = "llama",
    *,
    quantised: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    lacking: tuple[str, ...] = (),
    extra: Mapping[str, np.ndarray] | None = None,
    **overrides: Any,
) -> Path:
    """Write a GGUF file and, beside it, the folder `source` that it was made from, which is returned.

    Args:
        quantised: by a piece of their GGUF names, the type that weights are stored in; the others stay float32.
        metadata: values that are set, or (None) left out.
        lacking, extra: tensors that are left out or put in.
    """
    source = tiny_model(path.parent / "source", family, intermediate_size=64, **overrides)
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForCausalLM.from_pretrained(source)
    writer = GGUFWriter(path, family)
    values = {**_metadata(family, model.config), **_tokens(tokenizer, WORDS[family]), **(metadata or {})}
    for key, value in values.items():
        _set(writer, key, value)
    for name, weight in model.named_parameters():
        array = weight.detach().numpy()
        if family == "llama" and ("q_proj" in name or "k_proj" in name):
            array = interleaved(array, 4 if "q_proj" in name else 2)
        for theirs, ours in NAMES.items():
            name = name.replace(theirs, ours)
        if name in lacking:
            continue
        kind = next((kind for piece, kind in (quantised or {}).items() if piece in name), "F32")
        if kind == "F32":
            writer.add_tensor(name, np.ascontiguousarray(array))
        else:
            stored = GGMLQuantizationType[kind]
            writer.add_tensor(name, quantize(array, stored), raw_dtype=stored)
    for name, array in (extra or {}).items():
        writer.add_tensor(name, array)
    finish(writer)
    return source


def finish(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _metadata(family: str, config: Any) -> dict[str, Any]:
    of_family = {
        "block_count": config.num_hidden_layers,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "rope.freq_base": float(config.rope_parameters["rope_theta"]),
        **({} if family == "qwen2" else {"attention.key_length": 16, "attention.value_length": 16}),
        **({"rope.dimension_count": 16, "vocab_size": config.vocab_size} if family == "llama" else {}),
    }
    return {f"{family}.{key}": value for key, value in of_family.items()}


def _tokens(tokenizer: Any, words: str) -> dict[str, Any]:
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    learned = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    said = {
        "model": "gpt2",
        "pre": words,
        "tokens": tokens,
        "token_type": [3 if number in tokenizer.added_tokens_decoder else 1 for number in range(len(tokens))],
        "merges": [" ".join(merge) for merge in learned],
        "bos_token_id": 1,
        "eos_token_id": 2,
        "padding_token_id": 0,
        "unknown_token_id": 0,
        "add_bos_token": False,
    }
    return {
        **{f"tokenizer.ggml.{key}": value for key, value in said.items()},
        "tokenizer.chat_template": tokenizer.chat_template,
    }


def _set(writer: GGUFWriter, key: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, list):
        writer.add_array(key, value)
        return
    add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
    add[type(value)](key, value)
