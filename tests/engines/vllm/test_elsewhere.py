"""Engines set up in other ways, each in a process of its own: two ranks, the runner of CUDA, compiled code."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steerbench.testing.tiny_models import tiny_model
from tests.engines.vllm.elsewhere import SECOND_RUNNER, UNBOUND, elsewhere

pytestmark = pytest.mark.vllm

Folders = Callable[[str], Path]


def check(found: dict[str, Any]) -> None:
    assert found["choose"] <= 1e-4
    assert found["other texts"] == 0
    assert found["capture"] <= 2e-4
    assert found["front"] <= 2e-4
    assert found["tokens"] == 0
    assert found["positive"] <= 1


def test_two_tensor_parallel_ranks_give_what_one_gives(folder_of: Folders) -> None:
    check(elsewhere("compared", str(folder_of("llama")), {"tensor_parallel": 2}, variables=UNBOUND))


def test_the_second_model_runner_gives_what_the_first_gives(folder_of: Folders) -> None:
    found = elsewhere("compared", str(folder_of("llama")), {}, True, variables=SECOND_RUNNER)
    assert found["runner"] == "vllm.v1.worker.cpu.model_runner"
    assert not found["compiled"]
    check(found)


@pytest.mark.skipif(not os.environ.get("STEERBENCH_SLOW"), reason="takes minutes to compile: set STEERBENCH_SLOW=1")
@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_compiled_code_gives_what_plain_python_gives(folder_of: Folders, name: str) -> None:
    found = elsewhere("compared", str(folder_of(name)), {"eager": False}, timeout=900)
    assert found["compiled"]
    check(found)


@pytest.fixture(scope="module")
def starts(folder_of: Folders, tmp_path_factory: pytest.TempPathFactory) -> Any:
    odd = tiny_model(tmp_path_factory.mktemp("odd"), head_dim=24)
    return elsewhere("starts", str(folder_of("llama")), str(odd))


def test_engines_one_after_another_in_one_process_give_the_same(starts: Any) -> None:
    assert len(starts["apart"]) == 2
    assert max(starts["apart"]) <= 1e-4


def test_a_head_size_that_vllm_has_not_is_refused_in_a_line(starts: Any) -> None:
    assert starts["odd"].startswith("vLLM cannot run '")
    assert "24" in starts["odd"]
    assert "\n" not in starts["odd"]


def test_an_engine_whose_hooks_were_not_installed_does_not_start(starts: Any) -> None:
    assert "An edit at head_out does not reach vLLM's model; this vLLM cannot be used." in starts["hookless"]
