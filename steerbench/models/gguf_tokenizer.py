"""The tokenizer of a GGUF file as tokenizer.json and its kin.

Byte-level ones are put together here: transformers' own (5.19) lacks Qwen's normalisation, takes smollm's digits in
another order than the model was trained with ("\\n\\n1" comes out differently), and depends on its version, while what
is built here has the same bytes everywhere. The SentencePiece kind comes from transformers.
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
"""GGUF's token types for special tokens, and for others that are never divided."""

SENTENCEPIECE, BYTES = "llama", "gpt2"
"""The kinds of tokenizers, as `tokenizer.ggml.model` names them."""
SMOLLM, QWEN, LLAMA3 = "smollm", "qwen2", "llama-bpe"
"""The ways of dividing text into words, of the second kind, as `tokenizer.ggml.pre` names them."""
CONTRACTIONS, REST = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
WORDS = {
    QWEN: rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{REST}",
    LLAMA3: rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{REST}",
}
NAMED = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}


def token_ids(file: GGUFFile, *names: str) -> dict[str, int]:
    """`bos_token_id` and its like, of those that the file names."""
    ids = {f"{name}_token_id": file.metadata.get(f"tokenizer.ggml.{NAMED[name]}_token_id") for name in names}
    return {name: number for name, number in ids.items() if number is not None}


def write_tokenizer(file: GGUFFile, folder: Path) -> None:
    """Write tokenizer.json, tokenizer_config.json and, if the file has one, chat_template.jinja into `folder`.

    Raises:
        UserError: the file has no tokenizer, or one of a kind that is not read.
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
        # Any other class would put together its own tokenizer, and take only the vocabulary from the file.
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
        f"{file.spec} is a GGUF file with a tokenizer of the kind '{kind}' that divides text as '{words}', which is "
        "not read; name the folder of its transformers model instead."
    )


def _byte_level(file: GGUFFile, words: str) -> Tokenizer:
    said = {key: file.metadata[f"tokenizer.ggml.{key}"] for key in ("tokens", "token_type", "merges")}
    merges = [tuple(merge.split(" ")) for merge in said["merges"]]
    vocabulary = {token: number for number, token in enumerate(said["tokens"])}
    # Llama 3 takes a word that is a token as it is, whether or not merges lead to it.
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

    # Alone in a folder: what lies beside the file (a tokenizer_config.json, say) is of another tokenizer.
    with TemporaryDirectory() as alone, quiet():
        os.symlink(file.path.resolve(), Path(alone) / "model.gguf")
        theirs = PreTrainedTokenizerFast.from_pretrained(alone, gguf_file="model.gguf", local_files_only=True)
    tokenizer: Tokenizer = theirs.backend_tokenizer
    tokenizer.post_processor = processors.TemplateProcessing(["$A"], ["$A", "$B:1"], [])
    return tokenizer


def _starts(file: GGUFFile) -> bool:
    """Whether a start token is put before plain text; where the file does not say so, as llama.cpp has it."""
    usual = file.metadata["tokenizer.ggml.model"] == SENTENCEPIECE or file.metadata.get("tokenizer.ggml.pre") == LLAMA3
    return bool(file.metadata.get("tokenizer.ggml.add_bos_token", usual))


def _put_before(tokenizer: Tokenizer, start: str, number: int) -> None:
    tokenizer.post_processor = processors.TemplateProcessing([start, "$A"], [start, "$A", "$B:1"], [(start, number)])
