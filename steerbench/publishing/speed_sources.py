"""Makes a published timing from the file of `steerbench bench --json` or of pytest-benchmark.

Only the fields named here are kept. Host name, user, branch, memory and anything else that identifies the machine's
owner are dropped.
"""

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from steerbench.errors import UserError
from steerbench.publishing.speed import Plain, PublishedSpeed, check_ratios, parsed, read_text, write_speed
from steerbench.timing.machine import PACKAGES
from steerbench.timing.schema import TimingFile

_WORD = re.compile(r"[\w.+ -]{0,80}")
_MODEL = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


def publish_speed(file: Path, out: Path) -> Path:
    """Publishes a timing file, or pytest-benchmark's, under `out`, without what identifies the machine's owner.

    Raises:
        UserError: the file is neither, or its content is impossible.
    """
    speed = published(file)
    check_ratios(speed, file)
    return write_speed(speed, out)


def published(file: Path) -> PublishedSpeed:
    """The published form of a file.

    Raises:
        UserError: the file is neither of the two kinds, or larger or nested more deeply than any of them.
    """
    text = read_text(file)
    told = _of_pytest(text, file) if b'"machine_info"' in text else _of_bench(text, file)
    return parsed(PublishedSpeed, json.dumps(told).encode(), file)


def _of_bench(text: bytes, file: Path) -> dict[str, Any]:
    found = parsed(TimingFile, text, file)
    told = found.model_dump(include={"clock", "alternations", "sizes", "cases"})
    machine = found.machine.model_dump(exclude={"memory_bytes"})
    engines = {name: {key: _plain(value) for key, value in own.items()} for name, own in found.engines.items()}
    methods = {
        name: {part: {key: _plain(value) for key, value in own.items()} for part, own in parts.items()}
        for name, parts in found.methods.items()
    }
    return {
        "created": _utc(found.created, file),
        "commit": found.commit.model_dump() if found.commit else None,
        "computer": machine,
        "versions": _versions(found.versions),
        "timing": {**told, "model": _model(found.model), "engines": engines, "methods": methods},
    }


class _Theirs(BaseModel):
    """The fields of pytest-benchmark's records that are read; others are ignored."""

    model_config = ConfigDict(extra="ignore")


class _Processor(_Theirs):
    brand_raw: str = ""
    count: int = 1


class _MachineInfo(_Theirs):
    python_version: str
    system: str
    machine: str
    cpu: _Processor = _Processor()


class _CommitInfo(_Theirs):
    id: str | None = None
    time: str | None = None
    dirty: bool | None = None


class _Test(_Theirs):
    name: str
    extra_info: dict[str, Any] = {}


class _PytestFile(_Theirs):
    machine_info: _MachineInfo
    commit_info: _CommitInfo
    benchmarks: list[_Test]
    datetime: str
    version: str


def _of_pytest(text: bytes, file: Path) -> dict[str, Any]:
    found = parsed(_PytestFile, text, file)
    host = found.machine_info
    ratios = [
        {"test": test.name, "ratio": name, "value": value}
        for test in found.benchmarks
        for name, value in test.extra_info.items()
        if name.startswith("ratio")
    ]
    if not ratios:
        raise UserError(f"No benchmark in {file} has a ratio; make it with `pytest tests/benchmarks --benchmark-json`.")
    return {
        "created": _utc(found.datetime, file),
        "commit": _commit(found.commit_info, file),
        "computer": {
            "device": "",
            "cpu": host.cpu.brand_raw,
            "cores": host.cpu.count,
            "threads": None,
            "system": f"{host.system} {host.machine}",
        },
        "versions": {"python": host.python_version, "pytest-benchmark": found.version},
        "benchmarks": ratios,
    }


def _commit(told: _CommitInfo, file: Path) -> dict[str, str] | None:
    if told.dirty or told.id is None or told.time is None:
        return None
    return {"id": told.id, "time": _utc(told.time, file)}


def _utc(moment: str, file: Path) -> str:
    try:
        return datetime.fromisoformat(moment).astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        raise UserError(f"{file} does not say when it was made: {moment[:40]!r} is not a date.") from None


def _versions(told: dict[str, str]) -> dict[str, str]:
    return {name: told[name] for name in ("python", *PACKAGES) if name in told}


def _model(name: str) -> str:
    """A model's usual name; for a folder its last part."""
    return name if _MODEL.fullmatch(name) else re.split(r"[/\\]", name.rstrip("/\\"))[-1]


def _plain(value: Any) -> Plain:
    """A number or a plain word unchanged, and a hash of anything else."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and _WORD.fullmatch(value):
        return value
    return f"sha256 {hashlib.sha256(repr(value).encode('utf-8', 'replace')).hexdigest()[:16]}"
