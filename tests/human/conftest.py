"""A finished run of the toy model, rated by the offline judge of traits, and a browser where there is one."""

import shutil
from importlib.util import find_spec

import pytest

from steerbench.plan import Plan
from steerbench.runner import execute, prepare
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


@pytest.fixture(scope="session")
def browser():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None or find_spec("playwright") is None:
        pytest.skip("NOT TESTED, the page in a browser: install chromium, and playwright from the extra test")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()
