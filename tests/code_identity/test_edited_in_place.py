"""A method that is edited between two runs, as a user has it: from the command line."""

import json
import os
import re
import subprocess

from steerbench.records.results import read_result
from tests.cli.conftest import COMMAND, ROOT, TESTKIT
from tests.code_identity.conftest import edit


def test_a_method_edited_in_place_gives_its_own_result_and_edited_back_the_old_one(kit, tmp_path):
    arguments = (
        "run --method kit-push --task toy --engine toy --model toy-model --strength 1 --no-trivial --quiet --json"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (kit, TESTKIT, ROOT))), "OMP_NUM_THREADS": "1"}

    def run(*more):
        done = subprocess.run(
            [*COMMAND, *arguments.split(), *more], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    first = run()
    edit(kit / "kit" / "amounts.py", "0.5", "4.0")
    second = run()
    assert second["digest"] != first["digest"]
    assert error_of(second) != error_of(first)
    edit(kit / "kit" / "amounts.py", "4.0", "0.5")
    assert run() == first
    assert len(list((tmp_path / "runs").iterdir())) == 2
    (folder,) = (tmp_path / "runs").glob(f"*{first['digest'][:10]}")
    assert read_result(folder).identity["code"]["method:kit-push"]["distribution"] == "kit"
    assert re.fullmatch("[0-9a-f]{64}", first["identity"]["code"]["harness"]["sha256"])


def error_of(result):
    return result["methods"]["kit-push"]["metrics"]["error"]["value"]
