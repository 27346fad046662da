"""What counts of a module's text, and which modules it is found to name: held to Python's own syntax tree."""

import ast
from pathlib import Path

import pytest

from steerbench.plugins.source_text import read_text

ROOT = Path(__file__).parents[2]
PLAIN = """
import numpy as np

DEPTH = 3

def f(x, y=1):
    if x:
        return f"{x:.2f} # no comment" + '''
    kept  # so is this
    '''
    return np.sum([x, y])
"""


def significant(text):
    return read_text(text.encode(), "pkg").significant


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("DEPTH = 3", "DEPTH = 3  # layers"),
        ("DEPTH = 3", "# layers\n\n\nDEPTH    =   3"),
        ("DEPTH = 3", 'DEPTH = 3\n"""How many layers."""'),
        ("import numpy", '"""A module."""\nimport numpy'),
        ("y=1):", 'y=1):\n    r"""Adds."""\n'),
        ("[x, y])", "[\n        x,  # the first\n        y\n    ])"),
        ("\n", "\r\n"),
        ("        return f", "            return f"),
    ],
)
def test_comments_docstrings_and_layout_count_for_nothing(old, new):
    changed = PLAIN.replace(old, new)
    assert changed != PLAIN
    assert significant(changed) == significant(PLAIN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("DEPTH = 3", "DEPTH = 4"),
        ("y=1", "y=2"),
        ("# no comment", "# some comment"),
        ("kept  # so", "kept # so"),
        ("{x:.2f}", "{x:.3f}"),
        ("    return np.sum", "        return np.sum"),
        ("DEPTH = 3", 'DEPTH = "3"'),
    ],
)
def test_everything_else_counts(old, new):
    changed = PLAIN.replace(old, new)
    assert changed != PLAIN
    assert significant(changed) != significant(PLAIN)


def test_docstrings_count_where_they_are_read():
    reads = '"""{}"""\nPROMPT = __doc__\n'
    assert significant(reads.format("Be kind.")) != significant(reads.format("Be rude."))


def test_a_text_of_another_version_of_python_is_refused():
    with pytest.raises(SyntaxError):
        significant("x = (1,\n")


def names(text, package="pkg.sub"):
    return read_text(text.encode(), package).names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a.b as c, d", {"a.b", "d"}),
        ("from a import (\n    b as c,  # why\n    d,\n)", {"a", "a.b", "a.d"}),
        ("from . import x", {"pkg.sub", "pkg.sub.x"}),
        ("from ..y import *", {"pkg.y", "pkg.y.*"}),
        ("from ...z import w", set()),
        ("def f():\n    if True: import a; import b.c", {"a", "b.c"}),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\nelse:\n    import b\nimport c",
            {"b", "c"},
        ),
        ("WORKER = 'pkg.worker.Worker'", {"pkg.worker.Worker", "pkg.worker"}),
        ("POINT = 'pkg.worker:Worker'", {"pkg.worker.Worker", "pkg.worker"}),
        ("SAID = 'not. a name'", set()),
    ],
)
def test_the_modules_a_text_names(text, found):
    assert names(text) - {"typing", "typing.TYPE_CHECKING"} == found


def test_every_import_of_our_own_sources_is_found_and_nothing_else():
    """By the syntax tree, which needs no rules of its own for where a statement begins."""
    files = sorted(file for top in ("steerbench", "methods", "tasks", "judges") for file in (ROOT / top).rglob("*.py"))
    for file in [ROOT / "steerbench" / "running" / "runner.py", *files[::12]]:
        source = file.read_bytes()
        package = ".".join(file.relative_to(ROOT).parent.parts)
        tree = ast.parse(source)
        for_types = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
            for part in node.body
            for inner in ast.walk(part)
        }
        expected = set()
        for node in set(ast.walk(tree)) - for_types:
            if isinstance(node, ast.Import):
                expected |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level
                expected |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        quoted = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value
        }
        more = read_text(source, package).names - expected
        assert read_text(source, package).names >= expected, file
        assert all(any(said.replace(":", ".").startswith(name) for said in quoted) for name in more), (file, more)
