"""GGUF conversion, on a tiny llama written to GGUF by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFWriter, quantize
from rich.progress import Progress
from transformers import AutoModelForCausalLM, AutoTokenizer

from steerbench.models.gguf_conversion import _undo_rotary_order, convert
from tests.models.tiny import tiny_model

HEADS, KEY_HEADS, DIM = 4, 2, 16

GGUF_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "model.layers": "blk",
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


def interleaved(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows as llama.cpp wants them, one by one: row i of a head beside its row i + half."""
    rows = []
    dim = len(weight) // heads
    for head in range(heads):
        for i in range(dim // 2):
            rows += [weight[head * dim + i], weight[head * dim + i + dim // 2]]
    return np.stack(rows)


@pytest.fixture
def converted(tmp_path: Path) -> tuple[Path, Path]:
    """A tiny llama's folder, and the folder converted from a GGUF of it (up_proj quantised to 4 bits)."""
    source = tiny_model(tmp_path / "source", tie_word_embeddings=True, intermediate_size=64)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(source), AutoTokenizer.from_pretrained(source)
    writer = GGUFWriter(tmp_path / "tiny.gguf", "llama")
    writer.add_block_count(4)
    writer.add_context_length(2048)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_rope_dimension_count(DIM)
    writer.add_layer_norm_rms_eps(model.config.rms_norm_eps)
    writer.add_rope_freq_base(model.config.rope_parameters["rope_theta"])
    writer.add_vocab_size(len(tokenizer))
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    writer.add_token_list(tokens)
    writer.add_token_types([3 if number in tokenizer.added_tokens_decoder else 1 for number in range(len(tokens))])
    learned = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(merge) for merge in learned])
    for add, number in ((writer.add_bos_token_id, 1), (writer.add_eos_token_id, 2), (writer.add_pad_token_id, 0)):
        add(number)
    writer.add_unk_token_id(0)
    writer.add_chat_template(tokenizer.chat_template)
    for name, weight in model.named_parameters():
        array = weight.detach().numpy()
        if "q_proj" in name or "k_proj" in name:
            array = interleaved(array, HEADS if "q_proj" in name else KEY_HEADS)
        for theirs, ours in GGUF_NAMES.items():
            name = name.replace(theirs, ours)
        if "ffn_up" in name:
            writer.add_tensor(name, quantize(array, GGMLQuantizationType.Q4_1), raw_dtype=GGMLQuantizationType.Q4_1)
        else:
            writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    (tmp_path / "built").mkdir()
    convert(tmp_path / "tiny.gguf", tmp_path / "built", Progress(disable=True))
    return source, tmp_path / "built"


def test_rows_come_back_in_their_first_order() -> None:
    weight = np.arange(KEY_HEADS * 6 * 3, dtype=np.float32).reshape(-1, 3)
    stored = torch.from_numpy(interleaved(weight, KEY_HEADS))
    assert torch.equal(_undo_rotary_order(stored, KEY_HEADS), torch.from_numpy(weight))


def test_the_converted_model_is_the_original_in_bfloat16(converted: tuple[Path, Path]) -> None:
    before, after = (AutoModelForCausalLM.from_pretrained(path, dtype=torch.bfloat16) for path in converted)
    weights = dict(after.named_parameters())
    for name, weight in before.named_parameters():
        if "up_proj" in name:
            # Four bits: sixteen levels between a block's smallest and largest value.
            step = weight.float().reshape(-1, 32).aminmax(dim=1)
            allowed = ((step.max - step.min) / 15 * 0.6 + 0.02)[:, None]
            assert ((weight - weights[name]).float().reshape(-1, 32).abs() <= allowed).all()
        else:
            assert torch.equal(weight, weights[name]), name
    assert after.lm_head.weight is after.model.embed_tokens.weight
    for field in ("head_dim", "rms_norm_eps", "rope_parameters", "num_key_value_heads", "eos_token_id"):
        assert getattr(after.config, field) == getattr(before.config, field)


def test_the_converted_tokenizer_differs_only_in_adding_no_start_token(converted: tuple[Path, Path]) -> None:
    before, after = (AutoTokenizer.from_pretrained(path) for path in converted)
    text = "<|user|>I get stressed out easily.</s> Très   bien\n\n"
    assert after(text).input_ids == before(text, add_special_tokens=False).input_ids
    assert after.decode(after(text).input_ids) == text
    assert after.chat_template == before.chat_template
    assert (after.bos_token, after.eos_token, after.pad_token) == ("<s>", "</s>", "<pad>")


def test_the_converted_tokenizer_takes_digits_one_by_one(converted: tuple[Path, Path]) -> None:
    assert AutoTokenizer.from_pretrained(converted[1])("a  12").tokens() == ["a", "Ġ", "Ġ", "1", "2"]
