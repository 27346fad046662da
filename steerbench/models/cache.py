"""Where models and what is known about their files are kept on this machine."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from steerbench.datasets.checksum import sha256_of
from steerbench.storage.files import cache_folder, write_whole
from steerbench.storage.stamps import Stamp, stamp_of

Entry = list[int | str]
"""Of a file that was read: its stamp, its digest, and a check over both."""


def models_folder() -> Path:
    """The folder of built models."""
    return cache_folder() / "models"


def weights_digest(folder: Path) -> str:
    """One sha256 over a model folder's config.json and safetensors files, their names included."""
    return digest_of([folder / "config.json", *sorted(folder.glob("*.safetensors"))])


def digest_of(files: Sequence[Path], anew: bool = False) -> str:
    """One sha256 over files, each as its name and content.

    A file that was read before, and that nothing can have changed since (`stamps`), is not read again, except `anew`.
    """
    state = hashlib.sha256()
    for file, digest in zip(files, _digests(files, anew), strict=True):
        state.update(f"{file.name}\0{digest}\n".encode())
    return state.hexdigest()


def sha256_known(file: Path) -> str:
    """The sha256 of a file's content, read again only if anything can have changed it since."""
    return _digests([file])[0]


def _digests(files: Sequence[Path], anew: bool = False) -> list[str]:
    known = {} if anew else _read_digests()
    digests: list[str] = []
    found: dict[str, Entry] = {}
    for file in files:
        place = str(file.resolve())
        # Of before it is read: what changes meanwhile has another stamp afterwards.
        stamp = stamp_of(file)
        digest = _known(known.get(place), place, stamp)
        if digest is None:
            digest = sha256_of(file)
            if stamp is not None:
                found[place] = [*stamp, digest, _check(place, stamp, digest)]
        digests.append(digest)
    if found:
        _write_digests({**_read_digests(), **found})
    return digests


def _known(entry: Any, place: str, stamp: Stamp | None) -> str | None:
    """The digest of a file whose stamp is this one, if the entry is whole."""
    if stamp is None or not isinstance(entry, list) or len(entry) != len(stamp) + 2:
        return None
    *then, digest, check = entry
    return str(digest) if tuple(then) == stamp and check == _check(place, stamp, str(digest)) else None


def _check(place: str, stamp: Stamp, digest: str) -> str:
    """What shows that an entry is of this file, and whole."""
    return hashlib.sha256(repr((place, stamp, digest)).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _digests_file() -> Path:
    return models_folder() / "digests.json"


def _read_digests() -> dict[str, Any]:
    """What is noted; nothing if the notes cannot be read: they only save time."""
    try:
        known = json.loads(_digests_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _write_digests(known: Mapping[str, Any]) -> None:
    """Replace the file in one step. It only saves time, so a folder that cannot be written is no error."""
    with suppress(OSError):
        write_whole(_digests_file(), json.dumps(known))
