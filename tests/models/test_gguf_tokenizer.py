"""Tokenizers from GGUF files cut text as the tokenizers they were made from do."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from steerbench.models.gguf_conversion import convert
from steerbench.testing.tiny_models import TEMPLATE, sentencepiece_like
from tests.models.gguf_files import tiny_gguf

TEXTS = (
    "I get stressed out easily.",
    "<|user|>Hi</s> Très   bien\n\n1 234567 I'LL don't",
    " leading\t\ttabs\r\n\r\nand 日本語 🙂 (A) [[3]]",
    "e\u0301 caf\u00e9",
    "",
)
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
"""As in tokenizer.json of Llama 3."""


def built(tmp_path: Path, **metadata: object) -> tuple[PreTrainedTokenizerFast, PreTrainedTokenizerFast]:
    """The tokenizer that a file was made from, and the one that it became."""
    tmp_path.mkdir(exist_ok=True)
    source = tiny_gguf(tmp_path / "tiny.gguf", metadata={f"tokenizer.ggml.{key}": it for key, it in metadata.items()})
    (tmp_path / "built").mkdir()
    convert(tmp_path / "tiny.gguf", "tiny.gguf", tmp_path / "built")
    return AutoTokenizer.from_pretrained(source), AutoTokenizer.from_pretrained(tmp_path / "built")


@pytest.mark.parametrize("words", ["qwen2", "llama-bpe"])
def test_byte_level_ones_divide_text_as_the_published_tokenizers_do(tmp_path: Path, words: str) -> None:
    before, after = built(tmp_path, pre=words)
    wanted = Tokenizer.from_str(before.backend_tokenizer.to_str())
    split = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX if words == "qwen2" else LLAMA3), "isolated")
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    wanted.pre_tokenizer = pre_tokenizers.Sequence([split, bytes_only])
    if words == "qwen2":
        wanted.normalizer = normalizers.NFC()
    for text in TEXTS:
        assert after(text).input_ids == wanted.encode(text, add_special_tokens=False).ids
        assert after.decode(after(text).input_ids) == (text if words != "qwen2" else text.replace("e\u0301", "\u00e9"))


def test_llama_3_takes_a_word_that_is_a_token_as_it_is(tmp_path: Path) -> None:
    built(tmp_path, pre="llama-bpe")
    model = json.loads((tmp_path / "built" / "tokenizer.json").read_text())["model"]
    assert model["ignore_merges"] is True


def test_smollm_takes_digits_one_by_one(tmp_path: Path) -> None:
    before, after = built(tmp_path, pre="smollm")
    text = "<|user|>I get stressed out easily.</s> Très   bien\n\n"
    assert after(text).input_ids == before(text, add_special_tokens=False).input_ids
    assert after("a  12").tokens() == ["a", "Ġ", "Ġ", "1", "2"]
    assert after.chat_template == before.chat_template == TEMPLATE
    assert (after.bos_token, after.eos_token, after.pad_token) == ("<s>", "</s>", "<pad>")


@pytest.mark.parametrize(
    ("words", "said", "starts"),
    [
        ("qwen2", None, False),
        ("llama-bpe", None, True),
        ("llama-bpe", False, False),
        ("qwen2", True, True),
        ("smollm", True, True),
    ],
)
def test_a_start_token_is_put_before_plain_text_where_llama_cpp_puts_one(
    tmp_path: Path, words: str, said: bool | None, starts: bool
) -> None:
    _, after = built(tmp_path, pre=words, add_bos_token=said)
    assert (after("I am").input_ids[0] == 1) == starts
    assert after("I am").input_ids[starts:] == after("I am", add_special_tokens=False).input_ids


def test_a_token_that_the_file_calls_a_users_own_is_never_divided(tmp_path: Path) -> None:
    before, plain = built(tmp_path / "plain")
    tokens = before.convert_ids_to_tokens(range(len(before)))
    inner, outer = next(
        (one, two) for one in tokens for two in tokens if one in two[1:-1] and two.isascii() and two.isalpha()
    )
    assert plain(outer).tokens() == [outer]
    kinds = [4 if token == inner else 3 if number < 6 else 1 for number, token in enumerate(tokens)]
    _, after = built(tmp_path / "marked", token_type=kinds)
    assert inner in after(outer).tokens()
    assert after.decode(after(outer).input_ids, skip_special_tokens=True) == outer


def test_the_sentencepiece_kind_cuts_text_as_its_original_does(tmp_path: Path) -> None:
    original = sentencepiece_like("metaspace")
    content = json.loads(original.backend_tokenizer.to_str())
    tokens = original.convert_ids_to_tokens(range(len(original)))
    ranks = {"".join(merge): -float(rank) for rank, merge in enumerate(content["model"]["merges"])}
    special = {token["id"] for token in content["added_tokens"]}
    kinds = [6 if token.startswith("<0x") else 3 if number in special else 1 for number, token in enumerate(tokens)]
    after = built_of(tmp_path, tokens, [ranks.get(token, -1e6) for token in tokens], kinds)
    for text in TEXTS:
        assert after(text).input_ids == original(text).input_ids, text


def built_of(tmp_path: Path, tokens: list[str], scores: list[float], kinds: list[int]) -> Any:
    said = {"model": "llama", "pre": None, "merges": None, "tokens": tokens, "scores": scores, "token_type": kinds}
    metadata = {f"tokenizer.ggml.{key}": it for key, it in {**said, "add_bos_token": None}.items()}
    tiny_gguf(tmp_path / "tiny.gguf", metadata=metadata, tokenizer="metaspace")
    (tmp_path / "built").mkdir()
    convert(tmp_path / "tiny.gguf", "tiny.gguf", tmp_path / "built")
    return AutoTokenizer.from_pretrained(tmp_path / "built")
