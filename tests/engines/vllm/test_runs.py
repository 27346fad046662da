"""`steerbench run --engine vllm`, as a user types it, at a small size."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from steerbench.records.export import read_samples
from steerbench.records.results import RunResult

pytestmark = pytest.mark.vllm

COMMAND = (
    *(sys.executable, "-c", "from steerbench.cli.main import run; run()"),
    *("run", "--engine", "vllm", "--method", "pas,npti", "--task", "personalitybench", "--budget", "2"),
    *("--param", "personalitybench.poles=extraversion+,extraversion-", "--param", "personalitybench.questions=1"),
    *("--param", "personalitybench.max_new_tokens=12", "--param", "npti.personas=1", "--param", "npti.per_trait=2"),
    *("--param", "npti.max_new_tokens=8", "--param", "vllm.memory=0.5", "--json", "--quiet"),
)


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        COMMAND, cwd=folder, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True, timeout=300
    )


def test_methods_are_fitted_calibrated_and_measured_and_the_second_start_finds_it_all(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    result = RunResult.model_validate_json(done.stdout)
    assert set(result.methods) == {"pas", "npti", "unsteered", "random-direction", "echo", "fixed-text"}
    [folder] = (tmp_path / "runs").iterdir()
    samples = read_samples(folder).filter(pl.col("split") == "test")
    assert len(samples) == 2 * len(result.methods)
    assert samples["unscored"].unique().to_list() == [""]
    identity = json.loads((folder / "run.json").read_text())["identity"]["engine"]
    assert (identity["engine"], identity["eager"], identity["dtype"]) == ("vllm", "True", "bfloat16")
    assert identity["vllm"].startswith("0.32.")
    again = run(tmp_path)
    assert again.stdout == done.stdout
