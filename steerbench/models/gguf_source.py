"""GGUF files given as --model: `FILE.gguf`, or `REPOSITORY:FILE.gguf` on Hugging Face.

Each is converted once, and the result is cached under the sha256 of the file. So a renamed file is not converted again,
and the GGUF file of a registered model is recognised as that model.
"""

import re
from pathlib import Path

from filelock import FileLock

from steerbench.errors import UserError
from steerbench.models.cache import models_folder, sha256_known
from steerbench.models.fetch import bars, check_room, disk_errors, ensure
from steerbench.models.registry import models
from steerbench.storage.folders import whole_folder

VERSION = "gguf-1"
"""Version of the conversion; changing it invalidates the cache."""

ON_HUB = re.compile(r"([\w.-]+/[\w.-]+):([\w./-]+\.gguf)", re.IGNORECASE)


def on_hub(spec: str) -> tuple[str, str] | None:
    """(repository, file) of a spec such as `Qwen/Qwen2.5-0.5B-Instruct-GGUF:qwen2.5-0.5b-instruct-q8_0.gguf`."""
    found = ON_HUB.fullmatch(spec)
    return (found[1], found[2]) if found else None


def converted_folder(file: Path, spec: str, progress: bool = True) -> Path:
    """The model folder of a GGUF file, which is converted the first time.

    Raises:
        UserError: the file cannot be read or converted, or the disk has no room.
    """
    from steerbench.models.gguf_conversion import convert, converted_size, convertible

    try:
        digest = sha256_known(file)
    except OSError as error:
        raise UserError(f"The GGUF file {spec} cannot be read ({error.strerror}).") from error
    for entry in models().values():
        if entry.sha256 == digest:
            return ensure(entry, progress, have=file)
    final = models_folder() / VERSION / digest
    if final.is_dir():
        return final
    header = convertible(file, spec)
    final.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(final.parent / f"{digest}.lock"), bars(progress) as shown, disk_errors(final):
        if not final.is_dir():
            size = converted_size(header)
            check_room(f"The GGUF file {spec}", size)
            bar = shown.add_task(f"Converting {file.name}", total=size)
            with whole_folder(final) as new:
                convert(file, spec, new, lambda done: shown.advance(bar, done))
    return final
