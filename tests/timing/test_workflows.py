"""The workflows say what the golden folder was made with."""

from pathlib import Path

import pytest
import yaml

from steerbench.records.results import read_result
from steerbench.timing.files import read_timing

ROOT = Path(__file__).parents[2]


def commands(workflow: str) -> list[str]:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / workflow).read_text())["jobs"]
    return [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]


def test_the_golden_files_were_made_with_the_commands_that_are_repeated():
    making = (ROOT / "golden" / "README.md").read_text()
    measured = [c for c in commands("regression.yml") if c.startswith(("steerbench run", "steerbench bench --"))]
    assert len(measured) == 2
    assert all(f"\n{command}\n" in making for command in measured)


def test_what_is_compared_with_is_there_and_can_be_read():
    golden, timing = read_result(ROOT / "golden" / "quality"), read_timing(ROOT / "golden" / "speed.json")
    assert (golden.targets, list(golden.methods)) == (4, ["pas", "actadd"])
    assert {case.group for case in timing.cases} == {"choose", "generate"}
    assert {case.method for case in timing.cases} == {"pas", "npti", "actadd"}
    assert timing.machine.threads == 1


@pytest.mark.parametrize("workflow", ["ci.yml", "regression.yml"])
def test_actions_are_pinned_by_major_version(workflow):
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / workflow).read_text())["jobs"]
    used = [step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step]
    assert used
    assert all(name.rpartition("@v")[2].isdigit() for name in used)


def test_the_other_workflow_runs_everything_and_checks_what_is_published():
    run = commands("ci.yml")
    assert ".ci/run" in run
    assert {f"steerbench publish --check leaderboard/{kind}" for kind in ("results", "speed")} <= set(run)
