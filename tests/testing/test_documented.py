"""CONTRIBUTING's section on testing a plug-in: its snippet is run, and its message is the one that is given."""

import re
from pathlib import Path
from typing import Any

import pytest

from steerbench.contracts.edits import Add
from steerbench.contracts.steering import Steering
from steerbench.testing import __all__ as offered
from steerbench.testing import check_method

SECTION = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text().partition("## Testing your plug-in\n")[2]
SECTION = SECTION.partition("\n## ")[0]


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    [snippet] = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(snippet, "CONTRIBUTING.md", "exec"), names)
    return names


def test_the_snippets_tests_pass(made: dict[str, Any]) -> None:
    tests = [name for name in made if name.startswith("test_")]
    assert len(tests) == 2
    for name in tests:
        made[name]()


def test_the_fault_that_is_shown_is_reported_in_these_words(made: dict[str, Any]) -> None:
    class Push(made["Push"]):  # type: ignore[misc]
        def fit(self, engine: Any, targets: Any) -> list[Steering]:
            fits = super().fit(engine, targets)
            edits = [edit for fitted in fits for edit in fitted.edits]
            return [Steering((Add("head_out", 0, edit.vector / len(fits)),)) for edit in edits]

    [shown] = re.findall(r"```text\n(.*?)\n```", SECTION, re.DOTALL)
    with pytest.raises(AssertionError) as raised:
        check_method(Push)
    assert str(raised.value).startswith(shown)


def test_every_name_in_the_table_is_offered_and_all_that_is_offered_is_in_it() -> None:
    table = SECTION.partition("| name |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)", table)) - {"model"}
    assert named == set(offered) - {"ToyEngine"}
