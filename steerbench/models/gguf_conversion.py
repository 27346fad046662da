"""A llama-architecture GGUF file as a transformers model folder, with no quantised tensor left.

Only what SmolLM2 needs: tied embeddings, byte-level BPE, digits split one by one. transformers can read
GGUF too, but its tokenizer for this file does not split digits as the model was trained with ("\\n\\n1"
comes out differently), and its weights stay packed.
"""

import json
from pathlib import Path
from typing import Any

import torch
from gguf import GGUFReader, dequantize
from rich.progress import Progress
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

CONTROL_TOKEN = 3
"""GGUF's token type for special tokens."""

MODULES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def convert(gguf: Path, folder: Path, bars: Progress) -> None:
    """Write model.safetensors (bfloat16), the configs, the tokenizer and the chat template into `folder`."""
    reader = GGUFReader(gguf)
    metadata = {name: field.contents() for name, field in reader.fields.items()}
    _write_tokenizer(metadata, folder)
    _write_config(metadata, folder)
    heads = {"attn_q": metadata["llama.attention.head_count"], "attn_k": metadata["llama.attention.head_count_kv"]}
    weights: dict[str, Tensor] = {}
    for tensor in bars.track(reader.tensors, description="Converting to bfloat16"):
        full = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
        *_, part, _ = tensor.name.split(".")
        if part in heads:
            full = _undo_rotary_order(full, heads[part])
        weights[_name(tensor.name)] = full.to(torch.bfloat16).contiguous()
    save_file(dict(sorted(weights.items())), folder / "model.safetensors", metadata={"format": "pt"})


def _name(gguf_name: str) -> str:
    """`blk.3.attn_q.weight` as transformers names it."""
    *block, part, kind = gguf_name.split(".")
    prefix = f"model.layers.{block[1]}." if block else ""
    return f"{prefix}{MODULES[part]}.{kind}"


def _undo_rotary_order(weight: Tensor, heads: int) -> Tensor:
    """[heads * dim, width] with each head's rows back in transformers' order.

    llama.cpp rotates neighbouring rows, transformers rotates row i with row i + dim / 2; so GGUF files
    hold the rows of every head's two halves interleaved.
    """
    return weight.reshape(heads, -1, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def _write_config(metadata: dict[str, Any], folder: Path) -> None:
    ids = {f"{name}_token_id": metadata[f"tokenizer.ggml.{name}_token_id"] for name in ("bos", "eos")}
    ids["pad_token_id"] = metadata["tokenizer.ggml.padding_token_id"]
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "bfloat16",
        "vocab_size": metadata["llama.vocab_size"],
        "hidden_size": metadata["llama.embedding_length"],
        "intermediate_size": metadata["llama.feed_forward_length"],
        "num_hidden_layers": metadata["llama.block_count"],
        "num_attention_heads": metadata["llama.attention.head_count"],
        "num_key_value_heads": metadata["llama.attention.head_count_kv"],
        "head_dim": metadata["llama.rope.dimension_count"],
        "max_position_embeddings": metadata["llama.context_length"],
        "hidden_act": "silu",
        # Stored as float32; six digits give back the 1e-05 that was meant.
        "rms_norm_eps": float(f"{metadata['llama.attention.layer_norm_rms_epsilon']:.6g}"),
        "rope_parameters": {"rope_type": "default", "rope_theta": metadata["llama.rope.freq_base"]},
        "tie_word_embeddings": True,
        **ids,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    (folder / "generation_config.json").write_text(json.dumps(ids, indent=2))


def _write_tokenizer(metadata: dict[str, Any], folder: Path) -> None:
    tokens, kinds = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL_TOKEN]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.save(str(folder / "tokenizer.json"))
    named = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": metadata["llama.context_length"],
        "clean_up_tokenization_spaces": False,
        **{f"{name}_token": tokens[metadata[f"tokenizer.ggml.{key}_token_id"]] for name, key in named.items()},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2))
    (folder / "chat_template.jinja").write_text(metadata["tokenizer.chat_template"])
