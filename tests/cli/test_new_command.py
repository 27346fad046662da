"""`steerbench new`: what it writes is installed, passes its own tests, and goes from a run to a page of the site."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from steerbench.cli.new import FILES, started
from steerbench.testing import tiny_model
from tests.cli.own_packages import laid_out

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "steerbench.cli.main")
RUNS = {
    "method": ("--method", "far-method", "--task", "papi", "--respondents", "2", "--no-trivial"),
    "task": ("--method", "caa", "--task", "far-task", "--no-trivial"),
    "judge": ("--method", "caa", "--task", "personalitybench", "--fluency-judge", "far-judge", "--no-trivial",
              "--pole", "extraversion+", "--limit", "1", "--param", "personalitybench.max_new_tokens=8"),
    "engine": ("--method", "caa", "--task", "papi", "--respondents", "2", "--no-trivial", "--engine", "far-engine"),
}  # fmt: skip
"""A run with each kind of plug-in."""
PAGE = {"method": "methods/far-method.html", "task": "boards/far-task/far-task.html"}
"""What the site has of a kind besides the page of the run, which tells of judge and engine."""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def called(place: Path, cwd: Path, *arguments) -> str:
    """What a command prints, with the package at `place` installed; it has to succeed."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [place, ROOT])), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, arguments)), env=env, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", RUNS)
def test_what_is_started_passes_its_tests_runs_is_published_and_stands_on_the_site(kind, model, tmp_path):
    name = f"far-{kind}"
    told = called(tmp_path, tmp_path, *COMMAND, "new", kind, name)
    assert f"pip install --no-deps -e steerbench-{name}" in told
    folder = tmp_path / f"steerbench-{name}"
    place = laid_out(folder, tmp_path / "installed")

    own = called(place, tmp_path, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder)
    assert f"{2 if kind == 'engine' else 3} passed" in own

    run = (*COMMAND, "run", *RUNS[kind], "--model", model, "--budget", "2", "--quiet", "--out", "runs")
    called(place, tmp_path, *run)
    [made] = (tmp_path / "runs").iterdir()
    published = called(place, tmp_path, *COMMAND, "publish", made, "--out", "results").strip()
    checked = called(place, tmp_path, *COMMAND, "publish", "--check", "results")
    assert "1 published runs, and every number follows from its samples." in checked

    called(place, tmp_path, *COMMAND, "site", "build", "--results", "results", "--out", "site")
    pages = [f"runs/{Path(published).name}.html", *([PAGE[kind]] if kind in PAGE else [])]
    for page in pages:
        assert name in (tmp_path / "site" / page).read_text(), page


def test_a_new_method_is_built_by_pip_and_listed(steerbench, tmp_path):
    folder, place = tmp_path / "mine", tmp_path / "installed"
    assert steerbench("new", "method", "far-push", "--out", str(folder)).returncode == 0
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(place), str(folder)]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    told = json.loads(called(place, tmp_path, *COMMAND, "list", "methods", "far-push", "--json"))
    assert told["source"] == "far_push:FarPush (steerbench-far-push 0.1.0)"
    [layer] = told["parameters"]
    assert (layer["name"], layer["type"], layer["default"], layer["range"]) == ("layer", "int", None, "from 0")


@pytest.mark.parametrize("kind", RUNS)
def test_what_is_written_names_the_plug_in_and_leaves_no_gap(kind):
    files = started(kind, "far-off-thing")
    assert list(files) == ["far_off_thing.py", "tests/test_far_off_thing.py", "README.md", "pyproject.toml"]
    assert len(files) == len(FILES)
    assert (
        f'[project.entry-points."steerbench.{kind}s"]\nfar-off-thing = "far_off_thing:FarOffThing"'
        in files["pyproject.toml"]
    )
    assert not [file for file, text in files.items() if "$" in text]
    assert "class FarOffThing" in files["far_off_thing.py"]
    assert f'check_{kind}("far-off-thing")' in files["tests/test_far_off_thing.py"]
    for file in (file for file in files if file.endswith(".py")):
        assert max(map(len, files[file].splitlines())) <= 120
        compile(files[file], file, "exec")


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("method", "Far Push", "'Far Push' cannot be the name: use small letters"),
        ("judge", "far_judge", "single dashes, as in my-judge."),
        ("method", "pas", "There is a method 'pas' already; choose another name."),
        ("task", "papi", "There is a task 'papi' already; choose another name."),
        ("judge", "axis", "There is a judge 'axis' already; choose another name."),
        ("engine", "hf", "There is an engine 'hf' already; choose another name."),
        ("task", "class", "'class' cannot be the name: it is a keyword of Python; choose another, as my-class."),
        ("task", "json", "its module json.py would hide one that is installed; choose another, as my-json."),
        ("judge", "numpy", "its module numpy.py would hide one that is installed"),
        ("method", "steering", "its class Steering would be called as something it needs; choose another"),
        ("method", "near", "is there already; name another folder with --out"),
    ],
)
def test_what_cannot_be_started_is_one_sentence_and_nothing_is_written(steerbench, tmp_path, kind, name, said):
    (tmp_path / "there").mkdir()
    done = steerbench("new", kind, name, "--out", str(tmp_path / "there"))
    assert done.returncode == 2
    assert said in done.stderr.replace("\n", " ")
    assert len(done.stderr.splitlines()) == 1
    assert not list((tmp_path / "there").iterdir())


def test_a_folder_that_cannot_be_made_is_one_sentence(steerbench, tmp_path):
    (tmp_path / "file").touch()
    done = steerbench("new", "task", "far-task", "--out", str(tmp_path / "file" / "task"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
