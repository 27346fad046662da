"""A finished run of the toy model, rated by the offline judge of traits."""

import pytest

from steerbench.records.plan import Plan
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from tests.cli.conftest import steerbench

__all__ = ["steerbench"]

PLAN = Plan(
    methods=("toy-push", "toy-words"),
    task="personalitybench",
    task_parameters={"poles": "extraversion+,extraversion-", "questions": 3},
    engine="toy",
    model="toy-model",
    strength=2.0,
    judges={"fluency": "toy-judge"},
)


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    execute(prepare(PLAN), folder)
    return folder
