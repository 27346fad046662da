"""Writes the tokenizer of a GGUF file as tokenizer.json, with its configuration.

Byte-level tokenizers are built here. transformers' conversion (5.19) lacks Qwen's normalisation, splits smollm's digits
in another order than in training ("\\n\\n1" differs), and changes with its version. SentencePiece tokenizers are
converted by transformers.
"""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from steerbench.errors import UserError
from steerbench.models.gguf_file import GGUFFile

CONTROL_TOKEN, USER_TOKEN = 3, 4
"""GGUF's token types for special tokens, and for other tokens that are never split."""

SENTENCEPIECE, BYTES = "llama", "gpt2"
"""Values of `tokenizer.ggml.model`."""
SMOLLM, QWEN, LLAMA3 = "smollm", "qwen2", "llama-bpe"
"""Values of `tokenizer.ggml.pre`: how a byte-level tokenizer splits text into words."""
CONTRACTIONS, REST = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
WORDS = {
    QWEN: rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{REST}",
    LLAMA3: rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{REST}",
}
NAMED = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}


def token_ids(file: GGUFFile, *names: str) -> dict[str, int]:
    """`bos_token_id` and similar entries, as far as the file has them."""
    ids = {f"{name}_token_id": file.metadata.get(f"tokenizer.ggml.{NAMED[name]}_token_id") for name in names}
    return {name: number for name, number in ids.items() if number is not None}


def write_tokenizer(file: GGUFFile, folder: Path) -> None:
    """Write tokenizer.json, tokenizer_config.json and, if the file has one, chat_template.jinja into `folder`.

    Raises:
        UserError: the file has no tokenizer, or an unsupported one.
    """
    tokens = file.metadata.get("tokenizer.ggml.tokens")
    if not tokens:
        raise UserError(f"{file.spec} is a GGUF file without a tokenizer; get a whole copy of it.")
    try:
        tokenizer = _tokenizer(file)
        named = {name.removesuffix("_id"): tokens[number] for name, number in token_ids(file, *NAMED).items()}
        if "bos_token" in named and _starts(file):
            _put_before(tokenizer, named["bos_token"], tokens.index(named["bos_token"]))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise UserError(f"The tokenizer of the GGUF file {file.spec} cannot be read ({error}).") from error
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        # Any other class would rebuild the tokenizer, and use only the file's vocabulary.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": file.metadata[f"{file.architecture}.context_length"],
        "clean_up_tokenization_spaces": False,
        **named,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2))
    if template := file.metadata.get("tokenizer.chat_template"):
        (folder / "chat_template.jinja").write_text(template)


def _tokenizer(file: GGUFFile) -> Tokenizer:
    kind, words = (file.metadata.get(f"tokenizer.ggml.{key}") for key in ("model", "pre"))
    if kind == SENTENCEPIECE:
        return _sentencepiece(file)
    if kind == BYTES and words in (SMOLLM, *WORDS):
        return _byte_level(file, words)
    raise UserError(
        f"{file.spec} is a GGUF file with an unsupported tokenizer (kind '{kind}', word splitting '{words}'); name the "
        "folder of its transformers model instead."
    )


def _byte_level(file: GGUFFile, words: str) -> Tokenizer:
    said = {key: file.metadata[f"tokenizer.ggml.{key}"] for key in ("tokens", "token_type", "merges")}
    merges = [tuple(merge.split(" ")) for merge in said["merges"]]
    vocabulary = {token: number for number, token in enumerate(said["tokens"])}
    # Llama 3 maps a word that is itself a token to that token, even if no merges produce it.
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=words == LLAMA3))
    if words == QWEN:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = _divided(words)
    tokenizer.decoder = decoders.ByteLevel()
    kinds = list(zip(said["tokens"], said["token_type"], strict=True))
    special = [token for token, kind in kinds if kind == CONTROL_TOKEN]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token, kind in kinds if kind == USER_TOKEN])
    return tokenizer


def _divided(words: str) -> Any:
    if words == SMOLLM:
        by_digit, by_word = (
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        )
        return pre_tokenizers.Sequence([by_digit, by_word])
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(WORDS[words]), behavior="isolated"), bytes_only])


def _sentencepiece(file: GGUFFile) -> Tokenizer:
    from transformers import PreTrainedTokenizerFast

    from steerbench.models.text import quiet

    # Alone in a folder, since files beside it (such as tokenizer_config.json) may belong to another tokenizer.
    with TemporaryDirectory() as alone, quiet():
        os.symlink(file.path.resolve(), Path(alone) / "model.gguf")
        theirs = PreTrainedTokenizerFast.from_pretrained(alone, gguf_file="model.gguf", local_files_only=True)
    tokenizer: Tokenizer = theirs.backend_tokenizer
    tokenizer.post_processor = processors.TemplateProcessing(["$A"], ["$A", "$B:1"], [])
    return tokenizer


def _starts(file: GGUFFile) -> bool:
    """Whether plain text gets a start token; llama.cpp's default if the file does not say."""
    usual = file.metadata["tokenizer.ggml.model"] == SENTENCEPIECE or file.metadata.get("tokenizer.ggml.pre") == LLAMA3
    return bool(file.metadata.get("tokenizer.ggml.add_bos_token", usual))


def _put_before(tokenizer: Tokenizer, start: str, number: int) -> None:
    tokenizer.post_processor = processors.TemplateProcessing([start, "$A"], [start, "$A", "$B:1"], [(start, number)])
