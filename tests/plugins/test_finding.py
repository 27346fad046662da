"""Plug-ins by their names: what is found first on the import path, and what is said if that is not ours."""

import subprocess
import sys

import pytest

ASKING = """
import steerbench as sb
from steerbench.plugins.finding import find
try:
    print(find("task", "papi").__module__)
except sb.UserError as error:
    print(error)
"""


@pytest.mark.parametrize("hiding", ["tasks.py", "tasks/__init__.py"])
def test_a_file_beside_a_notebook_that_hides_our_tasks_is_named(tmp_path, hiding):
    file = tmp_path / hiding
    file.parent.mkdir(exist_ok=True)
    file.write_text("ANSWER = 42")
    (tmp_path / "notebook.py").write_text(ASKING)
    done = subprocess.run([sys.executable, "notebook.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    place = file if hiding == "tasks.py" else file.parent
    assert done.stdout.strip() == (
        "The task 'papi' (tasks.papi.task:PAPI) cannot be imported: "
        f"{place} has the name of a folder of SteerBench and is found first; rename it."
    )


def test_a_folder_of_other_files_beside_a_notebook_hides_nothing(tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "notes.txt").write_text("buy milk")
    (tmp_path / "notebook.py").write_text(ASKING)
    done = subprocess.run([sys.executable, "notebook.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "tasks.papi.task"
