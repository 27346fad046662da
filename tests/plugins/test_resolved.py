"""A plug-in is resolved into one object, and no other code asks it what attributes it has."""

import ast
from pathlib import Path
from typing import Any

import pytest

from steerbench.plugins.door import CONTRACTS
from steerbench.plugins.finding import available, find
from steerbench.plugins.plugin import resolve
from tests.plugins.conftest import Plug
from tests.plugins.sound import METHOD


def test_a_plug_in_is_resolved_once_and_says_where_it_is_from(plug: Plug) -> None:
    where = plug("method", METHOD + "\n    def __init__(self, size: int = 3, seed: int = 0) -> None: ...\n")
    found = resolve("method", "mine")
    assert found is resolve("method", "mine")
    assert found.cls is find("method", "mine")
    assert {name: (one.hint, one.default) for name, one in found.parameters.items()} == {
        "size": (int, 3),
        "seed": (int, 0),
    }
    assert found.distribution == f"{where.removesuffix(':Mine')} 0.1"
    assert found.code["distribution"] == where.removesuffix(":Mine")
    assert len(found.code["sha256"]) == 64
    assert found.settled({"size": 5}, {"seed": 7, "protocol": "strict"}) == {"seed": 7, "size": 5}


FOREIGN = {
    "steerbench/cli/app.py": "exceptions of typer and click",
    "steerbench/engines/hf/modules.py": "configurations of transformers",
    "steerbench/engines/prompts.py": "configurations of transformers",
    "steerbench/engines/vllm/eager.py": "torch modules and vLLM's runner",
    "steerbench/engines/vllm/serving/admission.py": "vLLM's sampling parameters",
    "steerbench/engines/vllm/widths.py": "configurations of transformers",
    "steerbench/engines/vllm/worker.py": "vLLM's runner",
    "steerbench/plugins/described.py": "annotations",
    "steerbench/plugins/door.py": "plug-ins: the one place",
    "steerbench/plugins/finding.py": "modules",
    "steerbench/plugins/source_text.py": "the tokenizer of this version of Python",
    "steerbench/plugins/sources.py": "modules",
}
"""Files that ask objects for attributes they may lack, and whose objects these are."""


def test_only_the_door_asks_a_plug_in_whether_it_has_an_attribute() -> None:
    root = Path(__file__).parents[2]
    asking = {
        str(file.relative_to(root))
        for folder in ("steerbench", "tasks", "methods", "judges", "leaderboard")
        for file in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _asks(node)
    }
    assert asking == set(FOREIGN)


def _asks(call: ast.Call) -> bool:
    """Whether it reads an attribute that may be missing, or one by a constant name that a type checker could know."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in ("hasattr", "getattr_static"):
        return True
    return name == "getattr" and (len(call.args) > 2 or isinstance(call.args[1], ast.Constant))


@pytest.mark.parametrize("kind", ["method", "task", "judge", "engine"])
def test_our_own_plug_ins_inherit_from_their_contracts(kind: Any) -> None:
    ours = [
        name for name, point in available(kind).items() if point.dist is not None and point.dist.name == "steerbench"
    ]
    assert ours
    assert all(CONTRACTS[kind] in find(kind, name).__mro__ for name in ours)
