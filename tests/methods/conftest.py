"""A tiny random model under the real engine."""

import pytest

from steerbench.engines.hf.engine import HFEngine
from tests.models.tiny import tiny_model


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> HFEngine:
    """Six layers of four heads of 16, in float32."""
    folder = tiny_model(tmp_path_factory.mktemp("tiny"), num_hidden_layers=6)
    return HFEngine.load(str(folder), dtype="float32", device="cpu")
