"""The model families that can be converted from GGUF, with their tensor names and llama.cpp's changes to their weights.

Read from llama.cpp's convert_hf_to_gguf.py. A file with any other metadata is refused, because it would be loaded as a
different model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steerbench.errors import UserError
from steerbench.models.gguf_file import GGUFFile
from steerbench.models.gguf_rotary import LONG_CONTEXT, rotary_of

MODULES = {
    "token_embd": "model.embed_tokens",
    "output": "lm_head",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""From a tensor's GGUF name, without block and suffix, to its module in transformers."""


@dataclass(frozen=True)
class Family:
    """A GGUF architecture.

    `interleaved`: in `attn_q` and `attn_k` the rows of a head's two halves alternate, because llama.cpp rotates
    neighbouring rows where transformers rotates row i with row i + dim / 2.
    """

    model_type: str
    class_name: str
    interleaved: bool = False


FAMILIES: Mapping[str, Family] = {
    # Mistral's models are stored as llama, and compute the same.
    "llama": Family("llama", "LlamaForCausalLM", interleaved=True),
    "qwen2": Family("qwen2", "Qwen2ForCausalLM"),
    "qwen3": Family("qwen3", "Qwen3ForCausalLM"),
}

NUMBERS = {
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "block_count": "num_hidden_layers",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
}
"""Required metadata keys (after the architecture's prefix), with their names in config.json."""
LARGEST = 1 << 32
NEEDED = ("context_length", "attention.layer_norm_rms_epsilon")
OTHERS = {
    *NEEDED,
    "vocab_size",
    "attention.key_length",
    "attention.value_length",
    "rope.freq_base",
    "rope.dimension_count",
    "rope.scaling.type",
}


def family_of(file: GGUFFile) -> Family:
    """The family of a file.

    Raises:
        UserError: its architecture is unsupported.
    """
    if file.architecture not in FAMILIES:
        raise UserError(
            f"{file.spec} is a GGUF file of the unsupported architecture '{file.architecture}'; supported are "
            f"{', '.join(FAMILIES)}. Name the folder of its transformers model instead."
        )
    return FAMILIES[file.architecture]


def config_of(file: GGUFFile) -> dict[str, Any]:
    """The content of config.json, without token ids.

    Raises:
        UserError: the metadata are incomplete, or have an unknown key or value.
    """
    family, prefix = family_of(file), f"{file.architecture}."
    said = {key.removeprefix(prefix): value for key, value in file.metadata.items() if key.startswith(prefix)}
    if lacking := [key for key in (*NUMBERS, *NEEDED) if key not in said]:
        raise UserError(f"{file.spec} is a GGUF file without {prefix}{lacking[0]}; get a whole copy of it.")
    _refuse_unknown(file, said)
    head = said.get("attention.key_length", said["embedding_length"] // said["attention.head_count"])
    _refuse_unequal(file, said, head)
    shapes = {tensor.name: tensor.shape for tensor in file.tensors}
    return {
        "architectures": [family.class_name],
        "model_type": family.model_type,
        "dtype": "bfloat16",
        "vocab_size": shapes.get("token_embd.weight", (0,))[0],
        **{ours: said[theirs] for theirs, ours in NUMBERS.items()},
        "head_dim": head,
        "max_position_embeddings": said["context_length"],
        "hidden_act": "silu",
        # Stored as float32; six digits recover the intended 1e-05.
        "rms_norm_eps": float(f"{said['attention.layer_norm_rms_epsilon']:.6g}"),
        "rope_parameters": rotary_of(file, said.get("rope.freq_base", 10000.0), head),
        "tie_word_embeddings": "output.weight" not in shapes,
    }


def _refuse_unknown(file: GGUFFile, said: Mapping[str, Any]) -> None:
    """Raises UserError: a key is unknown, or its value is invalid."""
    for key, value in sorted(said.items()):
        scaled = key == "rope.scaling.type" and value != "none"
        number = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < LARGEST
        if scaled or (key not in NUMBERS and key not in OTHERS) or (key != "rope.scaling.type" and not number):
            raise _not_understood(file, key, value)


def _refuse_unequal(file: GGUFFile, said: Mapping[str, Any], head: int) -> None:
    """Raises UserError: heads differ in width. They never do in the families above."""
    for key in ("rope.dimension_count", "attention.value_length"):
        if said.get(key, head) != head:
            raise _not_understood(file, key, said[key])


def _not_understood(file: GGUFFile, key: str, value: Any) -> UserError:
    return UserError(
        f"{file.spec} is a GGUF file with {file.architecture}.{key} = {str(value)[:60]}, which is not supported; "
        "name the folder of its transformers model instead."
    )


def name_of(gguf_name: str) -> str | None:
    """The transformers name of a tensor such as `blk.3.attn_q.weight`; None if no supported family has it."""
    *block, part, kind = ["", *gguf_name.split(".")]
    block = block[1:]
    if part not in MODULES or kind not in ("weight", "bias") or (block and (len(block) != 2 or block[0] != "blk")):
        return None
    prefix = f"model.layers.{block[1]}." if block else ""
    return f"{prefix}{MODULES[part]}.{kind}"


def is_weight(gguf_name: str) -> bool:
    """Whether a tensor is a weight of the model, and not a table that follows from the config."""
    return gguf_name != LONG_CONTEXT
