"""Parameters that a model cannot have: refused before anything is run, wherever they come in."""

from pathlib import Path

import pytest
from steerbench_testkit import ToyEngine

from steerbench.errors import UserError
from steerbench.records.plan import Plan
from steerbench.running.preparing import prepare
from steerbench.studies.suite import Suite, SuiteEntry, run_suite
from steerbench.studies.sweep import Sweep, Swept, run_sweep

SAME = {"task": "toy", "model": "toy-model", "engine": "toy", "budget": 2}
"""The toy engine has one layer of one head."""


def plan(*methods: str, **parameters: dict[str, object]) -> Plan:
    return Plan(methods=methods, method_parameters=parameters, **SAME)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (plan("toy-push", "pas", pas={"heads": 2}), r"pas\.heads is 2, but the model has only 1"),
        (plan("toy-push", "pas+few-shot", pas={"heads": 2}), r"pas\.heads is 2"),
        (plan("random-direction", **{"random-direction": {"parameters": {"heads": 2}}}), r"pas\.heads is 2"),
        (plan("toy-push", "pas", pas={"layers": 1}), r"pas\.layers is 1"),
        (plan("toy-push", "npti", npti={"layers": "0-3"}), r"npti\.layers is 0-3"),
        (plan("toy-push", "caa", caa={"layer": 1}), r"caa\.layer is 1"),
        (plan("toy-push", "actadd", actadd={"layer": 7}), r"actadd\.layer is 7"),
    ],
)
def test_a_parameter_that_the_model_cannot_have_is_named_before_any_method_is_fitted(asked: Plan, said: str) -> None:
    engine = ToyEngine()
    with pytest.raises(UserError, match=said):
        prepare(asked, engine=engine)
    assert engine.asked == []


def test_settings_record_how_many_heads_a_model_was_left_with() -> None:
    rows = {row.name: row.settings for row in prepare(plan("pas", "random-direction"), engine=ToyEngine()).rows}
    assert rows["pas"]["pas"]["heads"] == 1
    assert rows["random-direction"]["random-direction"]["parameters"]["heads"] == 1
    assert prepare(plan("pas"), engine=ToyEngine(heads=64)).rows[0].settings["pas"]["heads"] == 24


def test_a_sweep_looks_at_all_its_values_before_the_first_run(tmp_path: Path) -> None:
    engine = ToyEngine()
    with pytest.raises(UserError, match=r"pas\.heads is 5"):
        run_sweep(Sweep(plan("pas"), Swept("k", "pas", "heads"), [1, 5]), tmp_path, engine)
    assert (engine.asked, list(tmp_path.iterdir())) == ([], [])


def test_a_suite_says_what_it_cannot_make_before_the_first_run_and_makes_the_others(tmp_path: Path) -> None:
    engine, heard = ToyEngine(), []
    (tmp_path / "some.toml").touch()
    entries = [SuiteEntry("good", plan("toy-push")), SuiteEntry("bad", plan("caa", caa={"layer": 9}))]
    suite = Suite(tmp_path / "some.toml", "0", entries)
    result, _ = run_suite(
        suite, tmp_path / "runs", engine, on_missing=lambda name, why: heard.append((name, why, len(engine.asked)))
    )
    assert [(name, why.split(",")[0], asked) for name, why, asked in heard] == [("bad", "caa.layer is 9", 0)]
    assert [run.name for run in result.runs] == ["good"]
