"""The local cache of converted models and of their files' digests."""

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
"""A cached digest of a file: the file's stamp, the digest, and a checksum over both."""


def models_folder() -> Path:
    """The folder of converted models."""
    return cache_folder() / "models"


def weights_digest(folder: Path) -> str:
    """One sha256 over a model folder's config.json and safetensors files, their names included."""
    return digest_of([folder / "config.json", *sorted(folder.glob("*.safetensors"))])


def digest_of(files: Sequence[Path], anew: bool = False) -> str:
    """One sha256 over the names and contents of files.

    A file whose digest is cached and whose stamp is unchanged (`stamps`) is not read again, unless `anew`.
    """
    state = hashlib.sha256()
    for file, digest in zip(files, _digests(files, anew), strict=True):
        state.update(f"{file.name}\0{digest}\n".encode())
    return state.hexdigest()


def sha256_known(file: Path) -> str:
    """The sha256 of a file's content; the file is read again only if its stamp changed."""
    return _digests([file])[0]


def _digests(files: Sequence[Path], anew: bool = False) -> list[str]:
    known = {} if anew else _read_digests()
    digests: list[str] = []
    found: dict[str, Entry] = {}
    for file in files:
        place = str(file.resolve())
        # Taken before reading, so that a file which changes meanwhile gets another stamp.
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
    """The cached digest, if the entry is valid and has this stamp."""
    if stamp is None or not isinstance(entry, list) or len(entry) != len(stamp) + 2:
        return None
    *then, digest, check = entry
    return str(digest) if tuple(then) == stamp and check == _check(place, stamp, str(digest)) else None


def _check(place: str, stamp: Stamp, digest: str) -> str:
    """A checksum that binds an entry to its file."""
    return hashlib.sha256(repr((place, stamp, digest)).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _digests_file() -> Path:
    return models_folder() / "digests.json"


def _read_digests() -> dict[str, Any]:
    """The cached digests; empty if the cache cannot be read, since it only saves time."""
    try:
        known = json.loads(_digests_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _write_digests(known: Mapping[str, Any]) -> None:
    """Replace the cache file atomically. It only saves time, so a read-only folder is not an error."""
    with suppress(OSError):
        write_whole(_digests_file(), json.dumps(known))
