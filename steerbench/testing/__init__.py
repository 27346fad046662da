"""For the tests of plug-ins: checks that hold one to all that the harness asks of it, and small worlds to check it in.

    from steerbench.testing import check_method

    def test_my_method_keeps_the_contract():
        check_method("my-method")

A check raises an AssertionError that lists everything that is wrong, each with what to do; no pytest is needed.
"""

from pathlib import Path
from typing import Any

from steerbench.testing.engines import check_engine
from steerbench.testing.judges import check_judge
from steerbench.testing.methods import check_method
from steerbench.testing.targets import people, poles
from steerbench.testing.tasks import check_task
from steerbench.testing.toy_engine import ToyEngine, toy_engine

__all__ = [
    "ToyEngine",
    "check_engine",
    "check_judge",
    "check_method",
    "check_task",
    "people",
    "poles",
    "tiny_model",
    "toy_engine",
]


def tiny_model(folder: str | Path, family: str = "llama", *, seed: int = 0, **config: Any) -> Path:
    """Save a random model of a few hundred kB into a folder, which it returns: a real checkpoint for --model.

    `family` is llama, mistral, qwen2, qwen3, gemma2, gemma3_text or gemma3; `config` goes into its configuration.

    Raises:
        UserError: a family that steerbench does not run.
    """
    from steerbench.testing import tiny_models  # imports torch

    return tiny_models.tiny_model(Path(folder), family, seed=seed, **config)
