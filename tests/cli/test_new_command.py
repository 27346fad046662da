"""`steerbench new`: what it writes is installed, passes its own test and goes through a run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_a_new_method_is_installed_passes_its_test_and_runs(steerbench, tmp_path):
    folder = tmp_path / "mine"
    made = steerbench("new", "method", "far-push", "--out", str(folder))
    assert made.returncode == 0, made.stderr
    assert f"pip install --no-deps -e {folder}" in made.stdout
    place = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(place), str(folder)]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    here = os.pathsep.join([str(place), str(Path(__file__).parents[2])])
    env = {**os.environ, "PYTHONPATH": here}
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert tested.returncode == 0, tested.stdout
    assert "3 passed" in tested.stdout
    listed = subprocess.run(
        [sys.executable, "-m", "steerbench.cli.main", "list", "methods", "far-push", "--json"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(listed.stdout)
    assert told["source"] == "far_push:FarPush (steerbench-far-push 0.1.0)"
    [layer] = told["parameters"]
    assert (layer["name"], layer["type"], layer["default"], layer["range"]) == ("layer", "int", None, "from 0")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Far Push", "'Far Push' cannot be the name: use small letters"),
        ("pas", "There is a method 'pas' already"),
        ("near", "is there already; name another folder with --out"),
    ],
)
def test_what_cannot_be_started_is_one_sentence_and_nothing_is_written(steerbench, tmp_path, name, said):
    (tmp_path / "there").mkdir()
    done = steerbench("new", "method", name, "--out", str(tmp_path / "there"))
    assert done.returncode == 2
    assert said in done.stderr
    assert not list((tmp_path / "there").iterdir())
