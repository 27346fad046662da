"""Refuses files and adapters that are given as a model, with an error that says what they are.

transformers would silently ignore an adapter beside a complete model, and take a file for the name of a repository.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from steerbench.errors import UserError

ADAPTER_CONFIG = "adapter_config.json"
ADAPTERS = (ADAPTER_CONFIG, "adapter_model*", "adapters.safetensors")
"""File names of PEFT and MLX adapters."""
GGUF = b"GGUF"
"""The first bytes of every GGUF file."""


def refuse_file(file: Path, spec: str) -> None:
    """Raises UserError: `spec` is a file other than GGUF, or a missing GGUF file."""
    if not os.path.isfile(file):
        if file.suffix.lower() == ".gguf":
            raise UserError(
                f"There is no file {spec}; a GGUF file on Hugging Face is named as OWNER/REPOSITORY:FILE.gguf."
            )
        return
    if is_adapter(file):
        raise UserError(f"{spec} is a file of an adapter, and no whole model; {_merged('its base model')}.")
    whole = (file.parent / "config.json").is_file()
    raise UserError(f"{spec} is a file; " + (f"name its folder, {file.parent}." if whole else f"{_INSTEAD}."))


def refuse_adapter(folder: Path, spec: str) -> None:
    """Raises UserError: the folder holds an adapter, alone or beside a complete model."""
    found = sorted(file for pattern in ADAPTERS for file in folder.glob(pattern))
    if not found:
        return
    if any(not is_adapter(file) for file in folder.glob("*.safetensors")):
        raise UserError(
            f"The model '{spec}' has an adapter beside it ({found[0].name}), which would not be used: merge the two "
            "(merge_and_unload of PEFT), or take the adapter's files out of the folder."
        )
    raise UserError(f"'{spec}' is an adapter, and no whole model; {_merged(_base(folder))}.")


def refuse_gguf(folder: Path, spec: str) -> None:
    """Raises UserError: the folder's only weights are GGUF files."""
    found = [file for file in sorted(folder.iterdir()) if file.is_file() and is_gguf(file)]
    if found and not any(folder.glob("*.safetensors")):
        raise UserError(f"'{spec}' holds a GGUF file and no safetensors weights; name the file itself, {found[0]}.")


def is_gguf(file: Path) -> bool:
    """Whether a file is GGUF, by its name or its first bytes; some programs store GGUF files under other names."""
    with suppress(OSError), file.open("rb") as opened:
        return file.suffix.lower() == ".gguf" or opened.read(len(GGUF)) == GGUF
    return file.suffix.lower() == ".gguf"


def is_adapter(file: Path) -> bool:
    return any(file.match(pattern) for pattern in ADAPTERS)


_INSTEAD = "name the folder of a transformers model with safetensors weights"


def _merged(base: str) -> str:
    return f"merge it into {base} (merge_and_unload of PEFT) and name the folder of the result"


def _base(folder: Path) -> str:
    """The base model that an adapter's config names."""
    with suppress(OSError, ValueError, RecursionError, AttributeError):
        named = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8")).get("base_model_name_or_path")
        if isinstance(named, str) and named.isprintable():
            return f"its base model '{named[:100]}'"
    return "its base model"
