"""Loads a model's weights, tokenizer and chat template, and checks them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from steerbench.errors import UserError
from steerbench.models.architectures import Architecture
from steerbench.models.chat_template import Messages
from steerbench.models.text import ModelText, first_line, load_text, quiet

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model ready to run: evaluation mode, no gradients, on its device."""

    text: ModelText
    model: Any
    device: torch.device
    dtype: torch.dtype

    @property
    def folder(self) -> Path:
        return self.text.folder

    @property
    def tokenizer(self) -> Any:
        return self.text.tokenizer

    @property
    def architecture(self) -> Architecture:
        return self.text.architecture

    def render(self, messages: Messages) -> str:
        return self.text.render(messages)

    def identity(self) -> Mapping[str, str]:
        """What the model's answers depend on: digests of contents, not the path or name it was loaded from."""
        import transformers

        return {
            **self.text.identity(),
            "dtype": str(self.dtype).removeprefix("torch."),
            "device": self.device.type,
            "transformers": transformers.__version__,
        }


def load_model(
    spec: str,
    dtype: str | None = None,
    device: str | None = None,
    chat_template: Path | None = None,
    date: str | None = None,
) -> LoadedModel:
    """Load a model.

    Args:
        spec: a name in the registry, a folder, a GGUF file, or a Hugging Face id (`model_folder`).
        dtype: a name in `DTYPES`; None is bfloat16, or float32 on a CPU without bfloat16 instructions, which emulates
            them slowly.
        device: `cpu`, `cuda` or `cuda:N`; None is CUDA if available.
        chat_template, date: as for `load_text`.

    Raises:
        UserError: the model cannot be found or loaded, is unsupported, or has no chat template.
    """
    place = _device(device)
    numbers = _dtype(dtype, place)
    text = load_text(spec, chat_template, date)
    with quiet():
        model = _weights(text.folder, spec, numbers, text.architecture).to(place)
    return LoadedModel(text, model.eval().requires_grad_(False), place, numbers)


def _dtype(name: str | None, device: torch.device) -> torch.dtype:
    if name is None:
        return torch.bfloat16 if device.type != "cpu" or _computes_bfloat16() else torch.float32
    if name not in DTYPES:
        raise UserError(f"There is no dtype '{name}'; there are: {', '.join(DTYPES)}.")
    return DTYPES[name]


def _computes_bfloat16() -> bool:
    """Whether the CPU has bfloat16 instructions; others emulate them slowly."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _device(name: str | None) -> torch.device:
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError:
        raise UserError(f"There is no device '{name}'; use cpu, cuda or cuda:0, cuda:1, ...") from None
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"The device '{name}' is not supported; use cpu or cuda.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"The device '{name}' is not there: torch sees {torch.cuda.device_count()} CUDA devices.")
    return device


def _weights(folder: Path, spec: str, dtype: torch.dtype, kind: Architecture) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            attn_implementation=kind.attention,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError) as error:
        raise UserError(f"The weights of '{spec}' cannot be loaded: {first_line(error)}") from error
    model, report = loaded
    # transformers only warns about missing tensors, and initialises them at random.
    if lacking := sorted(report["missing_keys"]):
        raise UserError(f"The weights of '{spec}' lack {len(lacking)} tensors ({lacking[0]}, ...); get a whole copy.")
    return model
