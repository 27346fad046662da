"""Finds a model's files: in the registry, a local folder, a GGUF file, or a Hugging Face repository."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from steerbench.errors import UserError
from steerbench.models.architectures import Architecture, architecture
from steerbench.models.fetch import ensure
from steerbench.models.gguf_source import converted_folder, on_hub
from steerbench.models.lookalikes import is_gguf, refuse_adapter, refuse_file, refuse_gguf
from steerbench.models.registry import DEFAULT, models

SMALL_FILES = ["*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt"]
IGNORED = ["*/*", "consolidated*"]
"""Not downloaded: sub-folders, and the second copy of the weights in Mistral's repositories."""


def model_folder(spec: str) -> tuple[Path, Architecture]:
    """The folder with a model's files, and its architecture, which is checked before weights are downloaded.

    Args:
        spec: a name in the registry, a folder, a Hugging Face id, a GGUF file, or `REPOSITORY:FILE.gguf`.

    Raises:
        UserError: the model does not exist, is unsupported, is an adapter or a file, or has no safetensors weights.
    """
    if not spec.strip():
        raise UserError(f"The model's name is empty; name a folder, a Hugging Face id or '{DEFAULT}'.")
    if spec in models():
        return _checked(ensure(models()[spec]), spec)
    # Not Path.expanduser and Path.is_dir, which raise for an unknown user and for a name that is too long.
    local = Path(os.path.expanduser(spec))
    here = os.path.isdir(local)
    if os.path.isfile(local) and is_gguf(local):
        return _checked(converted_folder(local, spec), spec)
    if not here and (remote := on_hub(spec)):
        return _checked(converted_folder(_file(*remote), spec), spec)
    if here:
        refuse_gguf(local, spec)
    else:
        refuse_file(local, spec)
    folder = local if here else _snapshot(spec, SMALL_FILES)
    refuse_adapter(folder, spec)
    kind = architecture(_config(folder, spec))
    if not here:
        folder = _snapshot(spec, [*SMALL_FILES, "*.safetensors"])
    if not any(folder.glob("*.safetensors")):
        raise UserError(
            f"The model '{spec}' has no .safetensors weights here; other formats are not loaded (.gguf) or are pickles "
            "(.bin, .pt), which never are: convert it to safetensors, or finish its download."
        )
    return folder, kind


def _checked(folder: Path, spec: str) -> tuple[Path, Architecture]:
    return folder, architecture(_config(folder, spec))


def _config(folder: Path, spec: str) -> Mapping[str, Any]:
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"The model '{spec}' has no config.json in {folder}; name a transformers model.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder / 'config.json'} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise UserError(f"{folder / 'config.json'} holds no JSON object; name a transformers model.")
    return content


def _snapshot(repository: str, patterns: list[str]) -> Path:
    """The local copy of a Hugging Face repository's files; offline, the cached copy."""
    from huggingface_hub import snapshot_download

    with _understood(repository):
        return Path(snapshot_download(repository, allow_patterns=patterns, ignore_patterns=IGNORED))


def _file(repository: str, name: str) -> Path:
    """The local copy of one file of a repository; offline, the cached copy."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    with _understood(repository):
        try:
            return Path(hf_hub_download(repository, name))
        except LocalEntryNotFoundError:
            raise
        except EntryNotFoundError:
            raise UserError(f"The repository '{repository}' on Hugging Face has no file '{name}'.") from None


@contextmanager
def _understood(repository: str) -> Iterator[None]:
    """Context manager that turns every error from Hugging Face into a UserError."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        yield
    except GatedRepoError:
        raise UserError(
            f"The model '{repository}' is gated on Hugging Face; accept its terms there and log in (hf auth login)."
        ) from None
    except (HFValidationError, RepositoryNotFoundError):
        raise UserError(
            f"There is no model '{repository}': it is no folder here, no repository on Hugging Face "
            f"that you can see, and none of {', '.join(models())}."
        ) from None
    except LocalEntryNotFoundError:
        raise UserError(
            f"The model '{repository}' is not on this machine and Hugging Face cannot be reached; "
            f"connect, or name a local folder or '{DEFAULT}'."
        ) from None
    except (HfHubHTTPError, OSError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"The model '{repository}' could not be downloaded: {said}") from error
