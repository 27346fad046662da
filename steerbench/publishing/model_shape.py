"""The number of layers and neurons of a run's model, from the config.json on this machine; nothing is downloaded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steerbench.models.cache import models_folder, weights_digest
from steerbench.models.registry import DEFAULT, models
from steerbench.records.results import RunResult


@dataclass(frozen=True)
class ModelShape:
    layers: int
    neurons: int


def shape_of(result: RunResult) -> ModelShape | None:
    """The model's shape; None without a model, or if its files are missing or have other weights than the run's."""
    engine = result.identity.get("engine")
    if not isinstance(engine, Mapping):
        return None
    folder = _folder(result.plan.model or DEFAULT)
    if folder is None or weights_digest(folder) != engine.get("weights"):
        return None
    config: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    text = config.get("text_config", config)
    return ModelShape(int(text["num_hidden_layers"]), int(text["intermediate_size"]))


def _folder(spec: str) -> Path | None:
    local = models_folder() / spec if spec in models() else Path(spec).expanduser()
    if (local / "config.json").is_file():
        return local
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(spec, "config.json")
    except HFValidationError:  # a folder that is no longer there
        return None
    return Path(cached).parent if isinstance(cached, str) else None
