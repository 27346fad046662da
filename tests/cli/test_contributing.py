"""CONTRIBUTING.md's own example of a method runs as it stands there."""

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_method_in_contributing_is_installed_and_runs(steerbench, tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Adding a method")[2]
    entry_points = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0]
    [source] = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "(Method):" in block]
    [(name, where)] = tomllib.loads(entry_points)["project"]["entry-points"]["steerbench.methods"].items()
    module, _, attribute = where.partition(":")
    folder = tmp_path / "installed"
    information = folder / "my_package-1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1\n")
    (information / "entry_points.txt").write_text(f"[steerbench.methods]\n{name} = {where}\n")
    file = folder.joinpath(*module.split(".")).with_suffix(".py")
    file.parent.mkdir(parents=True)
    file.write_text(source)
    assert f"class {attribute}(" in source
    plan = ("--task", "toy", "--engine", "toy", "--model", "toy-model", "--budget", "3", "--json")
    done = steerbench("run", "--method", name, *plan, path=[folder])
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)["methods"][name]
    assert row["items"] > 0
    assert row["unscored"] == 0
    assert all(0 <= strength <= 10 for strength in row["strengths"].values())


def test_a_method_that_breaks_its_contract_ends_a_run_with_one_sentence(steerbench, tmp_path):
    folder = tmp_path / "installed"
    information = folder / "mine-1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[steerbench.methods]\nmine = mine:Mine\n")
    (folder / "mine.py").write_text("class Mine:\n    name = 'mine'\n")
    done = steerbench("run", "--method", "mine", "--task", "toy", path=[folder])
    assert done.returncode == 2
    assert " ".join(done.stderr.split()) == (
        "error: The method 'mine' (mine:Mine) has no `fit`; write one: `def fit(self, engine, targets)`."
    )
