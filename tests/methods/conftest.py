"""A tiny random model under the real engine."""

from pathlib import Path

import pytest

from steerbench.engines.hf.engine import HFEngine
from steerbench.testing.tiny_models import tiny_model


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of six layers of four heads of 16."""
    return tiny_model(tmp_path_factory.mktemp("tiny"), num_hidden_layers=6)


@pytest.fixture(scope="session")
def engine(folder: Path) -> HFEngine:
    """In float32."""
    return HFEngine.load(str(folder), dtype="float32", device="cpu")
