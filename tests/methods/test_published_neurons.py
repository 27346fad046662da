"""The neurons that the paper's authors published: whose they are, and the steerings that they make."""

import gzip
import json
import math
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from methods.npti import NPTI
from methods.published_neurons import SHAPE, published_neurons, read_lists
from steerbench.contracts.edits import Boost, Cap, Positions
from steerbench.contracts.targets import TRAITS
from steerbench.datasets.fetch import path_of
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from tests.methods.edited_neurons import numbers
from tests.methods.people import pole

DECODE = Positions("decode")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path))
    return tmp_path / "neurons"


LLAMA_3 = {"architecture": "llama", "layers": 32, "neurons": 14336, "vocabulary": 128256}


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"architecture": "mistral", "vocabulary": 32000}, r"type mistral, 32 layers of 14336 neurons, 32000 tokens"),
        ({"architecture": "mistral"}, "type mistral"),
        ({"vocabulary": 32000}, "32000 tokens"),
        ({"vocabulary": 128257}, "128257 tokens"),
        ({"layers": 28}, "28 layers"),
        ({"neurons": 14337}, "14337 neurons"),
    ],
)
def test_published_neurons_are_refused_by_any_other_model(other: dict[str, Any], told: str) -> None:
    engine: Any = SimpleNamespace(**LLAMA_3 | other)
    with pytest.raises(UserError, match=rf"type llama, 32 layers of 14336 .*128256 .*{told}.*neurons=search"):
        NPTI(neurons="published").fit(engine, [pole("N", True)])


def test_published_neurons_are_asked_whose_they_are_before_they_are_fetched(engine: HFEngine) -> None:
    with pytest.raises(UserError, match=rf"type llama, 6 layers of 48 neurons, {len(engine.loaded.tokenizer)} tokens"):
        NPTI(neurons="published").fit(engine, [pole("N", True)])


@pytest.mark.real_data
def test_published_neurons_are_had_by_a_model_of_their_kind() -> None:
    found = published_neurons("N", SimpleNamespace(**LLAMA_3))  # type: ignore[arg-type]
    assert (found["N"].delta != 0).sum() > 2000


@pytest.mark.real_data
def test_published_lists_are_steerings_with_the_files_layers_and_numbers() -> None:
    """Layers, caps and a few values recomputed from the raw lines."""
    data = gzip.decompress(path_of("npti", "neurons.jsonl.gz").read_bytes()).decode()
    rows = [json.loads(line) for line in data.splitlines()]
    lists = read_lists("ACEN")
    names = {letter: name.capitalize() for letter, name in TRAITS.items()}
    for letter, known in lists.items():
        assert known.delta.shape == SHAPE
        mine = [row for row in rows if row["trait"] == names[letter]]
        for high, aspect in ((True, "positive"), (False, "reversed")):
            steering = NPTI(neurons="published").towards(known, high, range(32))
            above = [row for row in mine if np.float32(row["delta"]) >= np.float32(0.1)]
            own, other = (
                Counter(r["layer"] for r in above if (r["aspect"] == aspect) is same) for same in (True, False)
            )
            assert {e.layer: len(e.neurons) for e in steering.edits if isinstance(e, Boost)} == own
            assert {e.layer: len(e.neurons) for e in steering.edits if isinstance(e, Cap)} == other
            _, added = numbers(steering)
            for row in [row for row in above if row["aspect"] == aspect][::500]:
                value = row["a95"] / (1 + math.exp(-10 * (row["delta"] - 0.15)))
                assert added[row["layer"], row["neuron"]] == pytest.approx(value, rel=1e-4)


@pytest.mark.real_data
def test_openness_was_not_published() -> None:
    with pytest.raises(UserError, match=r"no neurons for openness.*neurons=search"):
        read_lists("NO")
