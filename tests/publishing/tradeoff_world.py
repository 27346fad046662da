"""Published trade-offs of the toy world, and ways to tamper with them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from steerbench_testkit import ToyEngine

from steerbench.records.plan import Plan
from steerbench.records.results import read_result, write_result
from steerbench.studies.tradeoff.asked import Tradeoff
from steerbench.studies.tradeoff.measuring import run_tradeoff
from tests.publishing.world import CHECK

BASE = Plan(
    methods=("toy-push", "toy-push+toy-words", "toy-words"),
    task="toy-rated",
    task_parameters={"poles": "pa,pb"},
    model="toy-model",
    engine="toy",
    trivial=False,
)
COSTS = {"toy": {"limit": 4}}


def made(out: Path, asked: Tradeoff | None = None) -> Path:
    """The folder of a trade-off whose runs may be published: of the toy judge's qualities no texts are known."""
    _, folder = run_tradeoff(asked or Tradeoff(BASE, COSTS, levels=2, wanted=0.5), out, ToyEngine())
    for run in out.iterdir():
        if run != folder:
            result = read_result(run)
            judges = {role: judge.model_copy(update={"check": CHECK}) for role, judge in result.judges.items()}
            write_result(result.model_copy(update={"judges": judges}), run)
    return folder


def copied(results: Path, folder: Path) -> tuple[Path, Path]:
    """Published runs and the trade-off beside them, to be tampered with: the folder of runs, and the file."""
    shutil.copytree(results.parent / "tradeoffs", folder / "tradeoffs")
    return Path(shutil.copytree(results, folder / "results")), next((folder / "tradeoffs").iterdir())


def edit(file: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what a trade-off says."""
    told = json.loads(file.read_text())
    change(told)
    file.write_text(json.dumps(told))
