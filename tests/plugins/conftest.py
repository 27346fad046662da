"""Plug-ins that a test writes and installs."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

_NUMBERS = itertools.count()

Plug = Callable[..., str]


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Installs a distribution with one plug-in of a kind, named "mine"; returns what its entry point names."""

    def installed(kind: str, source: str, attribute: str = "Mine") -> str:
        module = f"plugged_{next(_NUMBERS)}"
        folder = tmp_path / module
        information = folder / f"{module}-0.1.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 0.1\n")
        where = f"{module}:{attribute}" if attribute else module
        (information / "entry_points.txt").write_text(f"[steerbench.{kind}s]\nmine = {where}\n")
        (folder / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(folder)
        return where

    return installed
