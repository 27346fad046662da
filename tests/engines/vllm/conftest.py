"""Tiny models in both engines, each loaded once: vLLM takes seconds to start."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.vllm.engine import VLLMEngine
from steerbench.testing.tiny_models import tiny_model

HEAD_DIM = 32
"""The smallest that vLLM's attention on a CPU has."""

ROWS = 260
"""Room for the situations' thinned boosts, which have a row for each of 61 positions."""


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folders of tiny float32 models, by architecture, and by its tokenizer's kind where that is named besides."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            model_type, *kind = name.split()
            given: dict[str, Any] = {"tokenizer": kind[0]} if kind else {}
            made[name] = tiny_model(tmp_path_factory.mktemp(model_type), model_type, head_dim=HEAD_DIM, **given)
        return made[name]

    return folder


@pytest.fixture(scope="session")
def hf_of(folder_of: Callable[[str], Path]) -> Callable[[str], HFEngine]:
    made: dict[str, HFEngine] = {}

    def load(name: str) -> HFEngine:
        if name not in made:
            made[name] = HFEngine.load(str(folder_of(name)), dtype="float32", device="cpu", token_budget=1000)
        return made[name]

    return load


@pytest.fixture(scope="session")
def vllm_of(folder_of: Callable[[str], Path]) -> Iterator[Callable[..., VLLMEngine]]:
    """Engines on the same folders, in float32 unless `parameters` say otherwise."""
    made: dict[tuple[str, str], VLLMEngine] = {}

    def load(name: str, **parameters: Any) -> VLLMEngine:
        key = name, repr(sorted(parameters.items()))
        if key not in made:
            settings = {"dtype": "float32", "rows": ROWS, "memory": 0.1, **parameters}
            made[key] = VLLMEngine.load(str(folder_of(name)), **settings)
        return made[key]

    yield load
    for engine in made.values():
        engine.close()
