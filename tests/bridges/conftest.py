"""Models and steerings of them, and small task files for lm-evaluation-harness."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steerbench.contracts.edits import Add
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.engines.fitted_on import model_digest
from steerbench.models.text import load_text
from steerbench.testing.tiny_models import tiny_model

WIDTH = {"tiny": 32, "metaspace": 32, "smollm2-135m": 576}

QUESTIONS = [
    ("What color is a clear sky?", ["blue", "green", "red"], 0),
    ("How many legs has a dog?", ["two", "four", "seven"], 1),
    ("What do bees make?", ["milk", "bread and butter", "honey"], 2),
    ("What is frozen water called?  ", ["ice", "steam", "a naïve résumé"], 0),
]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Models by name: random ones whose tokenizers put a start token before plain text, and the embedded one."""
    tiny, pieces = tmp_path_factory.mktemp("tiny"), tmp_path_factory.mktemp("metaspace")
    return {
        "tiny": str(tiny_model(tiny)),
        "metaspace": str(tiny_model(pieces, tokenizer="metaspace")),
        "smollm2-135m": "smollm2-135m",
    }


@pytest.fixture(scope="session")
def steering_file(models: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Saves a steering of a model: noise added to the residual stream, and what it says first."""
    folder = tmp_path_factory.mktemp("steerings")

    def save(model: str, seed: int = 0, said: str = "", edits: bool = True) -> Path:
        vector = np.random.default_rng(seed).normal(size=WIDTH[model]).astype(np.float32)
        steering = Steering((Add("resid", 1, vector),) if edits else (), PromptChange(said))
        path = folder / f"{model}-{seed}-{len(said)}-{edits}.safetensors"
        steering.save(path, {"method": "noise", "model": model_digest(load_text(models[model]))})
        return path

    return save


@pytest.fixture(scope="session")
def task_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """lm-evaluation-harness tasks on a local file: one by likelihood, one of free text, one of perplexity."""
    folder = tmp_path_factory.mktemp("tasks")
    rows = [{"question": question, "choices": choices, "gold": gold} for question, choices, gold in QUESTIONS]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    _task(folder, "little_choice", "multiple_choice", doc_to_choice="choices", doc_to_target="gold", metric="acc")
    _task(
        folder,
        "little_text",
        "generate_until",
        doc_to_target="{{choices[gold]}}",
        metric="exact_match",
        generation_kwargs={"until": ["\n", ". "], "max_gen_toks": 8, "do_sample": False},
    )
    _task(folder, "little_rolling", "loglikelihood_rolling", doc_to_text="", doc_to_target="{{question}}")
    return folder


def _task(folder: Path, name: str, output: str, metric: str = "byte_perplexity", **more: Any) -> None:
    config = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {
            "data_files": {"test": str(folder / "rows.jsonl")},
            "cache_dir": str(folder / "datasets"),
        },
        "test_split": "test",
        "output_type": output,
        "doc_to_text": "Question: {{question}}\nAnswer:",
        "metric_list": [{"metric": metric}],
        **more,
    }
    (folder / f"{name}.yaml").write_text(json.dumps(config))
