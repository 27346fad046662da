"""A suite's runs, published with one command."""

import json
from pathlib import Path

import pytest
from steerbench_testkit import ToyEngine
from typer.testing import CliRunner

from steerbench.cli.app import app
from steerbench.errors import UserError
from steerbench.publishing.checking import check
from steerbench.publishing.schema import read_published
from steerbench.publishing.suites import publish_suite
from steerbench.studies.suite import Suite, SuiteEntry, run_suite
from tests.publishing.world import TOY

PUSH = SuiteEntry("push", TOY)
FEW = SuiteEntry("few", TOY.model_copy(update={"task_parameters": {"respondents": 2}}), "push")


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return run_suite(Suite(Path("some.toml"), "0" * 64, (PUSH, FEW)), tmp_path_factory.mktemp("runs"), ToyEngine())


def test_every_run_of_a_suite_is_published_and_can_be_recomputed(suite, tmp_path):
    result, folder = suite
    done = CliRunner().invoke(app, ["publish", str(folder), "--out", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    published = [read_published(Path(line)) for line in done.output.splitlines()]
    assert [one.digest for one in published] == [run.digest for run in result.runs]
    assert (check(tmp_path).folders, check(tmp_path).problems) == (2, [])


def test_a_suite_that_lacks_a_run_publishes_none(suite, tmp_path):
    _, folder = suite
    lacking = tmp_path / "suite"
    lacking.mkdir()
    told = json.loads((folder / "suite.json").read_text()) | {"missing": {"school": "its data cannot be had"}}
    (lacking / "suite.json").write_text(json.dumps(told))
    with pytest.raises(UserError, match="lacks school; run it again first"):
        list(publish_suite(lacking, tmp_path / "results"))
    assert not (tmp_path / "results").exists()
