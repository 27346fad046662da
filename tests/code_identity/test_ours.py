"""What of our own code a run is named by: the harness and the plug-ins that it uses, in whatever place they lie."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from steerbench.plugins import sources
from steerbench.plugins.code import code_of, harness_code
from tests.code_identity.conftest import edit, write

ROOT = Path(__file__).parents[2]
OURS = ("steerbench", "methods", "tasks", "judges")


def test_our_own_plug_ins_reach_neither_the_command_line_nor_the_site_nor_one_another():
    harness = set(sources.reached(["steerbench.running.runner"], OURS))
    assert {
        "steerbench.running.evaluation",
        "steerbench.running.calibration",
        "steerbench.running.losses",
        "steerbench.contracts.thoughts",
    } <= harness
    assert {"steerbench.running.summarising", "steerbench.engines.room", "steerbench.judging.panel"} <= harness
    pas = set(sources.reached(["methods.pas"], OURS))
    assert "steerbench.toolkit.probes" in pas
    assert not {"methods.caa", "methods.npti"} & pas
    papi = set(sources.reached(["tasks.papi.task"], OURS))
    assert any(name.startswith("steerbench.statistics") for name in papi)
    vllm = set(sources.reached(["steerbench.engines.vllm.engine"], OURS))
    assert "steerbench.engines.vllm.worker" in vllm  # loaded by its name, in another process
    for found in (harness, pas, papi, vllm):
        assert not [
            name for name in found if name.startswith(("steerbench.cli", "steerbench.publishing", "leaderboard"))
        ]
    assert not [name for name in harness if name.partition(".")[0] != "steerbench"]


TOLD = """
import json
from steerbench.plugins.code import code_of, harness_code
print(json.dumps([harness_code(), code_of("method", "pas"), code_of("task", "papi"), code_of("engine", "hf")]))
"""


def told_by(root):
    done = subprocess.run(
        [sys.executable, "-c", TOLD],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_copy_elsewhere_has_the_same_digests_in_another_process_and_an_edit_of_it_only_where_it_counts(tmp_path):
    copied = tmp_path / "copied"
    for top in OURS:
        shutil.copytree(ROOT / top, copied / top, ignore=shutil.ignore_patterns("__pycache__"))
    here = [harness_code(), code_of("method", "pas"), code_of("task", "papi"), code_of("engine", "hf")]
    assert told_by(copied) == here
    assert here[0]["distribution"] == "steerbench"
    for file in ("methods/caa.py", "steerbench/cli/run.py", "steerbench/publishing/publish.py"):
        write(copied / file, (copied / file).read_text() + "\nEDITED = True\n")
    edit(copied / "steerbench" / "running" / "runner.py", '"""Executes', '"""Carefully executes')
    assert told_by(copied) == here
    for file in ("steerbench/toolkit/probes.py", "tasks/papi/metrics.py", "steerbench/engines/hf/attention.py"):
        write(copied / file, (copied / file).read_text() + "\nEDITED = True\n")
    edited = told_by(copied)
    assert edited[0] == here[0]
    assert not [1 for then, now in zip(here[1:], edited[1:], strict=True) if then == now]
