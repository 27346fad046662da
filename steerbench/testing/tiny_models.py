"""Tiny random models of every supported architecture, saved as a user would have them: a folder with safetensors."""

import json
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from steerbench.errors import UserError, unknown

ARCHITECTURES = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "gemma3")

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ("<pad>", "<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>")
CORPUS = (
    "I am the life of the party. I get stressed out easily. I often forget to put things back. "
    "Very Accurate, Moderately Accurate, Neither Accurate Nor Inaccurate, Moderately Inaccurate, Very Inaccurate."
)


def tiny_model(
    folder: Path,
    family: str = "llama",
    *,
    chat_template: str | None = TEMPLATE,
    tokenizer: "Kind" = "bytes",
    seed: int = 0,
    **overrides: Any,
) -> Path:
    """Save a random float32 model, with one of the tokenizers below, into `folder` and return it.

    Four layers of width 32, four heads (two of keys and values) of width 16, except in qwen2, where it is 8:
    elsewhere the head outputs together (64) are wider than the residual stream, so the two cannot be mixed up.
    Where there is a sliding window it is 8 tokens. Weights are large enough for attention to be uneven.
    `overrides` go into the (text) config.

    Raises:
        UserError: a family that steerbench does not run.
    """
    if family not in ARCHITECTURES:
        raise UserError(unknown("model family", family, ARCHITECTURES))
    words = tiny_tokenizer(chat_template) if tokenizer == "bytes" else sentencepiece_like(tokenizer, chat_template)
    config = tiny_config(family, len(words), **overrides)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        auto: Any = AutoModelForCausalLM
        model = auto.from_config(config, dtype=torch.float32)
        # Norms start as the identity, which would hide a norm that is left out.
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.data += 0.3 * torch.randn_like(weight)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


Kind = Literal["bytes", "metaspace", "prepend"]


def tiny_config(model_type: str, vocabulary: int, **overrides: Any) -> Any:
    text: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "initializer_range": 0.3,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        **({} if model_type == "qwen2" else {"head_dim": 16}),
        **_particulars(model_type),
        **overrides,
    }
    if model_type != "gemma3":
        return AutoConfig.for_model(model_type, **text)
    vision = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 8,
        "patch_size": 4,
    }
    return AutoConfig.for_model("gemma3", text_config=text, vision_config=vision, mm_tokens_per_image=4)


def _particulars(model_type: str) -> dict[str, Any]:
    alternating = ["sliding_attention", "full_attention"] * 2
    gemma = {"sliding_window": 8, "query_pre_attn_scalar": 16, "layer_types": alternating}
    every: dict[str, dict[str, Any]] = {
        "mistral": {"sliding_window": 8},
        "gemma2": {**gemma, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0},
        "gemma3": gemma,
        "gemma3_text": gemma,
    }
    return every.get(model_type, {})


def tiny_tokenizer(chat_template: str | None = TEMPLATE) -> Any:
    """Byte-level BPE, about 350 tokens; a start token is put before plain text, as Llama and Gemma do."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=350, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([CORPUS], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    fast: Any = PreTrainedTokenizerFast
    return fast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        chat_template=chat_template,
    )


def sentencepiece_like(kind: Kind, chat_template: str | None = TEMPLATE) -> Any:
    """As Llama 2, TinyLlama and Mistral 7B have it: blanks are "▁", one stands before a text, bytes are a last resort.

    `metaspace` divides texts into words that begin with it (transformers' newer conversion); `prepend` replaces
    blanks in the whole text and merges across them (the older one). Its "(D" is one token, so that the last token of
    "Option (" is another one before a "D".
    """
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    if kind == "metaspace":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="first")
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    pieces = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(pieces)
    trainer = trainers.BpeTrainer(
        vocab_size=len(SPECIAL) + 1 + 256 + 200, special_tokens=[*SPECIAL, "<unk>", *byte_tokens], show_progress=False
    )
    letters = "Option (A) or Option (B) or Option (C) or Option (E). Rating: [[1]] [[2]] [[3]] [[4]] [[5]] "
    joined = "".join(f"{letter}(D" for letter in "abcdefghijklmnopqrstuvwxyz")
    tokenizer.train_from_iterator([CORPUS, letters * 9, joined * 3, "The answer is A B C D E. "], trainer)
    # The trainer makes all of these special, and the decoder would leave the bytes out.
    tokenizer = _without_special_bytes(tokenizer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    fast: Any = PreTrainedTokenizerFast
    return fast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        chat_template=chat_template,
    )


def _without_special_bytes(tokenizer: Tokenizer) -> Tokenizer:
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = [token for token in content["added_tokens"] if not token["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(content))
