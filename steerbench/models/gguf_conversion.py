"""Converts a GGUF file to a transformers model folder with bfloat16 weights; every tensor is dequantised.

transformers reads GGUF files too, but it keeps weights packed, cannot save the result, and ignores metadata missing
from its mapping, such as the head width of Qwen 3 and the long context of Llama 3.1.
"""

import json
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

from steerbench.errors import UserError
from steerbench.models.gguf_families import config_of, family_of, is_weight, name_of
from steerbench.models.gguf_file import GGUFFile, Stored, read_gguf
from steerbench.models.gguf_tokenizer import token_ids, write_tokenizer
from steerbench.models.gguf_weights import write_weights
from steerbench.models.safetensors_file import BFLOAT16

SMALL_FILES = 32 << 20
"""Upper bound on the bytes of configs and tokenizer."""


def convertible(path: Path, spec: str) -> GGUFFile:
    """Read the header of a GGUF file, and check that the file can be converted.

    Raises:
        UserError: the file is damaged, of an unsupported architecture or type, or not a complete model.
    """
    file = read_gguf(path, spec)
    _check_tensors(file, config_of(file))
    return file


def converted_size(file: GGUFFile) -> int:
    """Upper bound on the bytes of the converted model."""
    return SMALL_FILES + BFLOAT16 * sum(prod(tensor.shape) for tensor in file.tensors)


def convert(path: Path, spec: str, folder: Path, on_bytes: Callable[[int], None] = lambda _: None) -> None:
    """Write model.safetensors (bfloat16), the configs, the tokenizer and the chat template into `folder`.

    Args:
        spec: the user's name for the file, for errors.
        on_bytes: called with the number of bytes written since the last call.

    Raises:
        UserError: as `convertible`, or the tokenizer is unsupported.
    """
    file = convertible(path, spec)
    write_tokenizer(file, folder)
    config, ids = config_of(file), token_ids(file, "bos", "eos", "pad")
    (folder / "config.json").write_text(json.dumps({**config, **ids}, indent=2))
    (folder / "generation_config.json").write_text(json.dumps(ids, indent=2))
    write_weights(file, _names(file), _heads(file, config), folder / "model.safetensors", on_bytes)


def _names(file: GGUFFile) -> dict[str, str]:
    """The transformers name of each weight, by its GGUF name; unknown names are kept."""
    return {each.name: name_of(each.name) or each.name for each in file.tensors if is_weight(each.name)}


def _heads(file: GGUFFile, config: dict[str, Any]) -> dict[str, int]:
    """By name, the number of heads of each tensor with interleaved rows."""
    if not family_of(file).interleaved:
        return {}
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    return {each.name: heads[_part(each)] for each in file.tensors if _part(each) in heads}


def _part(tensor: Stored) -> str:
    return ["", *tensor.name.split(".")][-2]


def _check_tensors(file: GGUFFile, config: dict[str, Any]) -> None:
    """Raises UserError: the file's tensors are not those of the model that its metadata describe."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        if config["num_hidden_layers"] > len(file.tensors):
            raise ValueError("more layers than tensors")
        with torch.device("meta"):
            model: Any = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config))  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, RuntimeError, ZeroDivisionError) as error:
        raise UserError(f"{file.spec} is a GGUF file whose metadata describe no model ({error}).") from error
    wanted = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    if config["tie_word_embeddings"]:
        del wanted["lm_head.weight"]
    names = _names(file)
    found = {names[each.name]: each.shape for each in file.tensors if each.name in names}
    if odd := sorted(name for name in {**wanted, **found} if wanted.get(name) != found.get(name)):
        raise UserError(
            f"{file.spec} is a GGUF file whose tensors are not those of a {config['model_type']} as its metadata "
            f"describe it: {odd[0]} should have the shape {wanted.get(odd[0], 'of no such tensor')} and has "
            f"{found.get(odd[0], 'none')}."
        )
