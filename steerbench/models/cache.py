"""Where models and what is known about their files are kept on this machine."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from steerbench.datasets.checksum import sha256_of
from steerbench.storage import cache_folder


def models_folder() -> Path:
    """The folder of built models."""
    return cache_folder() / "models"


def weights_digest(folder: Path) -> str:
    """One sha256 over a model folder's config.json and safetensors files, their names included."""
    return digest_of([folder / "config.json", *sorted(folder.glob("*.safetensors"))])


def digest_of(files: list[Path]) -> str:
    """One sha256 over files, each as its name and content.

    A file whose path, size and modification time were seen before is not read again.
    """
    known = _read_digests()
    found: dict[str, list[str | int]] = {}
    state = hashlib.sha256()
    for file in files:
        stat = file.stat()
        seen = known.get(str(file.resolve()))
        if seen is None or seen[:2] != [stat.st_size, stat.st_mtime_ns]:
            seen = [stat.st_size, stat.st_mtime_ns, sha256_of(file)]
            found[str(file.resolve())] = seen
        state.update(f"{file.name}\0{seen[2]}\n".encode())
    if found:
        _write_digests({**known, **found})
    return state.hexdigest()


def _digests_file() -> Path:
    return models_folder() / "digests.json"


def _read_digests() -> dict[str, list[str | int]]:
    try:
        known: dict[str, list[str | int]] = json.loads(_digests_file().read_text())
    except (OSError, ValueError):
        return {}
    return known


def _write_digests(known: dict[str, list[str | int]]) -> None:
    """Replace the file in one step. It only saves time, so a folder that cannot be written is no error."""
    with suppress(OSError):
        models_folder().mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=models_folder(), prefix="digests-", delete=False) as file:
            json.dump(known, file)
        Path(file.name).replace(_digests_file())
