"""Templates that write today's date: what is asked depends on the day a run names, never on the clock."""

import datetime
from pathlib import Path
from typing import Any

import pytest
import transformers.utils.chat_template_utils as clock

from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.models.chat_template import TODAY
from steerbench.models.text import load_text
from steerbench.records.export import read_samples
from steerbench.records.plan import Plan
from steerbench.records.results import RunResult
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import TEMPLATE, tiny_model

DATED = "<|system|>Today Date: {{ strftime_now('%d %b %Y') }}</s>" + TEMPLATE


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "model", chat_template=DATED)


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has the clock that transformers gives to templates show a day."""

    def show(day: int) -> None:
        class Day(datetime.datetime):
            @classmethod
            def now(cls, tz: Any = None) -> "Day":
                return cls(2026, 11, day)

        monkeypatch.setattr(clock, "datetime", Day)

    return show


def plan(model: Path, **more: Any) -> Plan:
    parameters = {"respondents": 2, "readout": "letter"}
    return Plan(
        methods=("few-shot",),
        task="papi",
        model=str(model),
        dtype="float32",
        budget=2,
        trivial=False,
        task_parameters=parameters,
        **more,
    )


def numbers(result: RunResult) -> Any:
    return {name: row.metrics for name, row in result.methods.items()}


def test_a_run_on_another_day_asks_the_same_and_is_the_same_run(model: Path, tmp_path: Path, set_clock: Any) -> None:
    results, samples = [], []
    for day in (29, 30):
        set_clock(day)
        results.append(execute(prepare(plan(model)), tmp_path / str(day)))
        samples.append(read_samples(tmp_path / str(day)))
    assert results[0].digest == results[1].digest
    assert numbers(results[0]) == numbers(results[1])
    assert samples[0].equals(samples[1])


def test_a_run_that_goes_on_after_midnight_ends_with_the_same_bits(
    model: Path, tmp_path: Path, set_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(29)
    whole = execute(prepare(plan(model)), tmp_path / "whole")
    choose, left = HFEngine.choose, [2]

    def interrupted(engine: HFEngine, requests: Any) -> Any:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return choose(engine, requests)

    monkeypatch.setattr(HFEngine, "choose", interrupted)
    with pytest.raises(KeyboardInterrupt):
        execute(prepare(plan(model)), tmp_path / "torn")
    monkeypatch.setattr(HFEngine, "choose", choose)
    set_clock(30)
    assert numbers(execute(prepare(plan(model)), tmp_path / "torn")) == numbers(whole)
    assert read_samples(tmp_path / "torn").equals(read_samples(tmp_path / "whole"))


def test_the_day_can_be_named_and_is_part_of_a_run_s_identity(model: Path) -> None:
    usual, other = prepare(plan(model)), prepare(plan(model, engine_parameters={"date": "2026-11-29"}))
    assert f"Today Date: {TODAY:%d %b %Y}" in usual.identity.fields["engine"]["chat_example"]
    assert "Today Date: 29 Nov 2026" in other.identity.fields["engine"]["chat_example"]
    assert usual.identity.digest != other.identity.digest


def test_what_is_no_day_is_refused(model: Path) -> None:
    with pytest.raises(UserError, match="The date 'yesterday' is invalid; give a day as in 2024-07-26"):
        load_text(str(model), date="yesterday")
