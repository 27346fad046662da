"""A model, its tokenizer and its chat template, loaded and checked."""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from steerbench.errors import UserError
from steerbench.models.architectures import Architecture
from steerbench.models.cache import weights_digest
from steerbench.models.chat_template import ChatTemplate, Messages
from steerbench.models.chat_template import chat_template as template_of
from steerbench.models.source import model_folder

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model ready to run: evaluation mode, no gradients, on its device.

    `folder` holds the files it was read from.
    """

    spec: str
    folder: Path
    model: Any
    tokenizer: Any
    template: ChatTemplate
    architecture: Architecture
    device: torch.device
    dtype: torch.dtype

    def render(self, messages: Messages) -> str:
        """Messages (role, content) as the text the model reads, up to where its answer starts."""
        return self.template.render(messages)

    def identity(self) -> Mapping[str, str]:
        """What the model's answers depend on: contents, never the path or name it was loaded by."""
        import transformers

        return {
            "weights": weights_digest(self.folder),
            "tokenizer": hashlib.sha256(self.tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),
            "chat_template": self.template.digest,
            "dtype": str(self.dtype).removeprefix("torch."),
            "device": self.device.type,
            "transformers": transformers.__version__,
        }


def load_model(
    spec: str, dtype: str | None = None, device: str | None = None, chat_template: Path | None = None
) -> LoadedModel:
    """Load a model.

    Args:
        spec: `smollm2-135m`, a folder, or a Hugging Face id.
        dtype: a name in `DTYPES`; bfloat16 if None.
        device: `cpu`, `cuda` or `cuda:N`; if None, CUDA where there is any.
        chat_template: a jinja file to use instead of the model's own template.

    Raises:
        UserError: it cannot be had or loaded, is not supported, or has no chat template.
    """
    numbers, place = _dtype(dtype), _device(device)
    folder, kind = model_folder(spec)
    with _quiet():
        tokenizer = _tokenizer(folder, spec)
        template = template_of(tokenizer, chat_template, spec)
        model = _weights(folder, spec, numbers, kind).to(place)
    return LoadedModel(spec, folder, model.eval().requires_grad_(False), tokenizer, template, kind, place, numbers)


def _dtype(name: str | None) -> torch.dtype:
    if name is not None and name not in DTYPES:
        raise UserError(f"There is no dtype '{name}'; there are: {', '.join(DTYPES)}.")
    return DTYPES[name or "bfloat16"]


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


def _tokenizer(folder: Path, spec: str) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise UserError(f"The tokenizer of '{spec}' cannot be loaded: {_first_line(error)}") from error
    if not tokenizer.is_fast:
        raise UserError(f"The tokenizer of '{spec}' has no fast version (tokenizer.json), which steerbench needs.")
    return tokenizer


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
        raise UserError(f"The weights of '{spec}' cannot be loaded: {_first_line(error)}") from error
    model, report = loaded
    # transformers only warns, and goes on with random numbers.
    if lacking := sorted(report["missing_keys"]):
        raise UserError(f"The weights of '{spec}' lack {len(lacking)} tensors ({lacking[0]}, ...); get a whole copy.")
    return model


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' own progress bars and warnings off the screen: what matters is raised here."""
    from transformers.utils import logging as theirs

    switches: Any = theirs
    level, bars = switches.get_verbosity(), switches.is_progress_bar_enabled()
    switches.set_verbosity(logging.ERROR)
    switches.disable_progress_bar()
    try:
        yield
    finally:
        switches.set_verbosity(level)
        if bars:
            switches.enable_progress_bar()
