from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from steerbench.engines.hf.engine import HFEngine
from steerbench.testing.tiny_models import tiny_model

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "gemma3")},
    "qwen2 sliding": (
        "qwen2",
        {"use_sliding_window": True, "sliding_window": 8, "layer_types": ["full_attention", "sliding_attention"] * 2},
    ),
    "llama metaspace": ("llama", {"tokenizer": "metaspace"}),
    "mistral prepend": ("mistral", {"tokenizer": "prepend"}),
}
"""By name: a model type and what its tiny config says besides."""


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], HFEngine]:
    """Engines of the tiny models in float32, each model loaded once."""
    made: dict[str, HFEngine] = {}

    def load(name: str) -> HFEngine:
        if name not in made:
            model_type, overrides = MODELS[name]
            folder = tiny_model(tmp_path_factory.mktemp(model_type), model_type, **overrides)
            made[name] = HFEngine.load(str(folder), dtype="float32", device="cpu", token_budget=1000)
        return made[name]

    return load


@pytest.fixture
def engine_of(loaded: Callable[[str], HFEngine]) -> Callable[..., HFEngine]:
    """An engine of the named model with a budget of its own."""
    return lambda name, token_budget=1000: replace(loaded(name), token_budget=token_budget)


@pytest.fixture
def engine(engine_of: Callable[..., HFEngine]) -> HFEngine:
    """The tiny Llama."""
    return engine_of("llama")
