"""Everything that is registered keeps its contract: ours are held to what strangers' plug-ins are held to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from steerbench.plugins.finding import Kind, available
from steerbench.testing import check_engine, check_judge, check_method, check_task, tiny_model
from tests.judges.faulty_server import KEY, FaultyServer

PUBLISHED = (
    "addsub",
    "bigbench-date",
    "coin-flip",
    "commonsenseqa",
    "gsm8k",
    "ifeval",
    "mmlu",
    "multiarith",
    "papi-dark-triad",
    "socialiqa",
    "strategyqa",
    "svamp",
)
"""Tasks whose questions are published data."""
SMALL: Mapping[str, Mapping[str, Any]] = {
    "npti": {"per_trait": 1, "max_new_tokens": 8, "personas": 1},
    "papi-causal": {"respondents": 3},
    **{name: {"limit": 12} for name in PUBLISHED},
    "papi-dark-triad": {"respondents": 3},
}
"""Parameters that make a plug-in quick to check."""


def ours(kind: Kind) -> list[str]:
    return [name for name, point in available(kind).items() if point.dist and point.dist.name == "steerbench"]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEERBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("name", ours("method"))
def test_a_method_keeps_its_contract(name: str) -> None:
    check_method(name, parameters=SMALL.get(name))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.real_data] * (name in PUBLISHED)) for name in ours("task")]
)
def test_a_task_keeps_its_contract(name: str) -> None:
    check_task(name, parameters=SMALL.get(name))


@pytest.mark.parametrize("name", [name for name in ours("judge") if name != "llm"])
def test_a_judge_keeps_its_contract(name: str, tmp_path: Path) -> None:
    model = {"model": str(tiny_model(tmp_path / "tiny"))} if name in ("local-llm", "panel") else {}
    check_judge(name, parameters=model)


def test_the_judge_that_asks_a_server_keeps_its_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FaultyServer() as server:
        texts = [f"case-{number}: I did the thing number {number}." for number in range(4)]
        check_judge("llm", parameters={"model": "m", "base_url": server.url}, texts=texts)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.vllm] * (name == "vllm")) for name in ours("engine")]
)
def test_an_engine_keeps_its_contract(name: str) -> None:
    check_engine(name)
