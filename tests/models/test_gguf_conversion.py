"""GGUF files become model folders that are loaded like any other, and hold the weights the file holds."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from steerbench.errors import UserError
from steerbench.models.gguf_conversion import convert
from steerbench.models.gguf_rotary import llama3_factors
from steerbench.models.loading import load_model
from tests.models.gguf_files import tiny_gguf

FAMILIES = ("llama", "qwen2", "qwen3")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


def converted(tmp_path: Path, family: str = "llama", **given: Any) -> tuple[Path, Path]:
    """A tiny model's folder, and the folder converted from a GGUF file of it."""
    source = tiny_gguf(tmp_path / "tiny.gguf", family, **given)
    (tmp_path / "built").mkdir()
    convert(tmp_path / "tiny.gguf", "tiny.gguf", tmp_path / "built")
    return source, tmp_path / "built"


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "apart"])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_converted_model_is_the_original_in_bfloat16(tmp_path: Path, family: str, tied: bool) -> None:
    folders = converted(tmp_path, family, tie_word_embeddings=tied)
    before, after = (AutoModelForCausalLM.from_pretrained(path, dtype=torch.bfloat16) for path in folders)
    weights = dict(after.named_parameters())
    assert list(weights) == [name for name, _ in before.named_parameters()]
    for name, weight in before.named_parameters():
        assert torch.equal(weight, weights[name]), name
    assert (after.lm_head.weight is after.model.embed_tokens.weight) == tied
    for name in ("model_type", "rms_norm_eps", "rope_parameters", "num_key_value_heads", "eos_token_id", "vocab_size"):
        assert getattr(after.config, name) == getattr(before.config, name)
    if family != "qwen2":
        assert after.config.head_dim == before.config.head_dim == 16
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        assert torch.equal(before(ids).logits, after(ids).logits)


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_what_transformers_itself_reads_from_the_file_says_the_same(tmp_path: Path, family: str) -> None:
    """Qwen 3 is left out: transformers takes its heads for 128 wide, whatever the file says."""
    _, folder = converted(tmp_path, family, quantised={"ffn_up": "Q4_1", "attn_q.weight": "Q8_0"})
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="tiny.gguf", dtype=torch.float32)
    ours = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    weights = dict(ours.named_parameters())
    for name, weight in theirs.named_parameters():
        assert torch.equal(weight.to(torch.bfloat16), weights[name]), name
    for name in ("num_attention_heads", "num_key_value_heads", "rope_parameters", "max_position_embeddings"):
        assert getattr(ours.config, name) == getattr(theirs.config, name)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_file_is_loaded_like_any_folder_and_converted_once_under_whatever_name(
    tmp_path: Path, cache: Path, family: str
) -> None:
    tiny_gguf(tmp_path / "tiny.gguf", family)
    shutil.copy(tmp_path / "tiny.gguf", tmp_path / "renamed")
    first = load_model(str(tmp_path / "tiny.gguf"), device="cpu")
    made = (first.folder / "model.safetensors").stat().st_ino
    second = load_model(str(tmp_path / "renamed"), device="cpu")
    assert first.folder == second.folder
    assert (second.folder / "model.safetensors").stat().st_ino == made
    assert first.identity() == second.identity()
    assert first.render((("user", "Hi"),)) == "<|user|>Hi</s><|assistant|>"
    folders = [entry.name for entry in (cache / "gguf-1").iterdir() if entry.is_dir()]
    assert folders == [first.folder.name]


def test_another_file_is_another_model(tmp_path: Path, cache: Path) -> None:
    folders = []
    for seed in (0, 1):
        tiny_gguf(tmp_path / "tiny.gguf", seed=seed)
        folders.append(load_model(str(tmp_path / "tiny.gguf"), device="cpu").folder)
    assert folders[0] != folders[1]


def test_of_a_conversion_that_fails_nothing_is_left(tmp_path: Path, cache: Path) -> None:
    tiny_gguf(tmp_path / "tiny.gguf", metadata={"tokenizer.ggml.pre": "another"})
    with pytest.raises(
        UserError, match=r"tiny\.gguf is a GGUF file with an unsupported tokenizer \(kind 'gpt2', .* 'another'"
    ):
        load_model(str(tmp_path / "tiny.gguf"))
    assert [path.suffix for path in (cache / "gguf-1").iterdir()] == [".lock"]


def factors_one_by_one(theta: float, dim: int, factor: float) -> list[float]:
    """As convert_hf_to_gguf.py of llama.cpp computes them."""
    found = []
    for i in range(0, dim, 2):
        frequency = 1.0 / (theta ** (i / dim))
        length = 2 * np.pi / frequency
        if length < 8192 / 4.0:
            found.append(1.0)
        elif length > 8192 / 1.0:
            found.append(factor)
        else:
            smooth = (8192 / length - 1.0) / (4.0 - 1.0)
            found.append(1 / ((1 - smooth) / factor + smooth))
    return found


@pytest.mark.parametrize("factor", [8.0, 32.0])
def test_the_long_context_of_llama_3_is_what_its_config_says(tmp_path: Path, factor: float) -> None:
    stored = np.array(factors_one_by_one(500000.0, 16, factor), dtype=np.float32)
    assert stored.min() == 1.0
    np.testing.assert_allclose(llama3_factors(500000.0, 16, factor), stored, rtol=1e-6)
    scaled = {
        "rope_type": "llama3",
        "rope_theta": 500000.0,
        "factor": factor,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    extra = {"rope_freqs.weight": stored}
    source, folder = converted(tmp_path, extra=extra, rope_parameters=scaled, max_position_embeddings=131072)
    before, after = (AutoModelForCausalLM.from_pretrained(path) for path in (source, folder))
    assert after.config.rope_parameters == before.config.rope_parameters == scaled
    torch.testing.assert_close(after.model.rotary_emb.inv_freq, before.model.rotary_emb.inv_freq)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"extra": {"rope_freqs.weight": np.full(8, 3.0, np.float32)}},
            "rotary factors (rope_freqs.weight) that are not",
        ),
        ({"metadata": {"llama.rope.scaling.type": "yarn"}}, "llama.rope.scaling.type = yarn, which is not supported"),
        ({"metadata": {"llama.attention.scale": 0.5}}, "llama.attention.scale = 0.5, which is not supported"),
        ({"metadata": {"llama.expert_count": 8}}, "llama.expert_count = 8, which is not supported"),
        ({"metadata": {"llama.attention.head_count": [4, 4]}}, "llama.attention.head_count = [4, 4], which is not"),
        ({"metadata": {"llama.rope.dimension_count": 8}}, "llama.rope.dimension_count = 8, which is not supported"),
        ({"metadata": {"llama.block_count": None}}, "without llama.block_count; get a whole copy"),
        ({"metadata": {"llama.block_count": 5}}, "whose tensors are not those of a llama"),
        ({"metadata": {"llama.attention.head_count": 2}}, "whose tensors are not those of a llama"),
        (
            {"lacking": ("blk.2.ffn_up.weight",)},
            "model.layers.2.mlp.up_proj.weight should have the shape (64, 32) and has none",
        ),
        (
            {"extra": {"blk.0.attn_q.bias": np.zeros(64, np.float32)}},
            "q_proj.bias should have the shape of no such tensor",
        ),
        ({"extra": {"strange": np.zeros(64, np.float32)}}, "strange should have the shape of no such tensor"),
        ({"metadata": {"tokenizer.ggml.tokens": None}}, "a GGUF file without a tokenizer"),
        ({"metadata": {"tokenizer.ggml.merges": None}}, "The tokenizer of the GGUF file tiny.gguf cannot be read"),
        (
            {"metadata": {"tokenizer.ggml.eos_token_id": 9999}},
            "The tokenizer of the GGUF file tiny.gguf cannot be read",
        ),
    ],
)
def test_what_would_be_loaded_as_another_model_than_it_is_is_refused(tmp_path: Path, given: Any, said: str) -> None:
    with pytest.raises(UserError) as refused:
        converted(tmp_path, **given)
    assert said in str(refused.value)
    assert "tiny.gguf" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_configs_and_weights_are_the_only_files(tmp_path: Path) -> None:
    _, folder = converted(tmp_path)
    assert {path.name for path in folder.iterdir()} == {
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert json.loads((folder / "generation_config.json").read_text()) == {
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    assert AutoTokenizer.from_pretrained(folder).pad_token == "<pad>"
