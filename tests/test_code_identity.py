"""A run is named by the code that made it: of the harness and of every plug-in that it uses."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from steerbench import code_identity, sources
from steerbench.bridges.steered import Steered
from steerbench.code_identity import changes, code_of, harness_code
from steerbench.errors import UserError
from steerbench.judging.panel import verdicts_key
from steerbench.plan import Plan, differences
from steerbench.rejudging import prepare_again
from steerbench.results import read_result
from steerbench.runner import LEDGER, execute, prepare
from steerbench.steering import UNSTEERED

ROOT = Path(__file__).parents[1]
TESTKIT = ROOT / "tests" / "testkit"
COMMAND = (sys.executable, "-c", "from steerbench.cli.main import run; run()")

KIT = {
    "kit-0.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: kit\nVersion: 0.1\n",
    "kit-0.1.dist-info/entry_points.txt": """[steerbench.methods]
kit-push = kit.push:Push
kit-other = kit.other:Other
[steerbench.tasks]
kit-task = kit.task:Task
[steerbench.judges]
kit-judge = kit.judge:Judge
[steerbench.engines]
kit-engine = kit.engine:Engine
""",
    "kit/__init__.py": "",
    "kit/push.py": '''from dataclasses import dataclass

from steerbench_testkit import Push as Toy


@dataclass
class Push(Toy):
    """Pushes."""

    name: str = "kit-push"

    def fit(self, engine, targets):
        from .amounts import SIZE  # late

        self.size = SIZE
        return super().fit(engine, targets)
''',
    "kit/amounts.py": "SIZE = 0.5\n",
    "kit/words/list.txt": "calm\n",
    "kit/other.py": "from kit.push import Push\n\n\nclass Other(Push):\n    name = 'kit-other'\n",
    "kit/task.py": """from dataclasses import dataclass, field

from steerbench_testkit import RatedTask


@dataclass
class Task(RatedTask):
    name: str = "kit-task"
    judges: dict = field(default_factory=lambda: {"trait": "kit-judge", "fluency": "kit-judge"})
""",
    "kit/judge.py": """from dataclasses import dataclass

from steerbench_testkit import ToyJudge


@dataclass
class Judge(ToyJudge):
    name: str = "kit-judge"
""",
    "kit/engine.py": """from dataclasses import dataclass

from steerbench_testkit import ToyEngine


@dataclass
class Engine(ToyEngine):
    name: str = "kit-engine"
""",
}
PLAN = Plan(
    methods=("kit-push",),
    task="kit-task",
    engine="kit-engine",
    model="toy-model",
    trivial=False,
    budget=2,
    rule="best-score",
)


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """A folder on the path that holds a distribution of plug-ins."""
    folder = tmp_path / "kit"
    for name, text in KIT.items():
        write(folder / name, text)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    as_in_a_new_process()
    yield folder
    monkeypatch.undo()
    as_in_a_new_process()


def write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def edit(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def as_in_a_new_process():
    """Forget what was read of sources and imported of the kit."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("kit", "beside", "zipped", "single")]:
        del sys.modules[name]
    for module in (code_identity, sources):
        for value in vars(module).values():
            if hasattr(value, "cache_clear") and value.__module__ == module.__name__:
                value.cache_clear()
    importlib.invalidate_caches()


def identity(plan=PLAN):
    as_in_a_new_process()
    return prepare(plan).identity


EDITS = {
    "method:kit-push": ("kit/push.py", "self.size = SIZE", "self.size = 2 * SIZE"),
    "task:kit-task": ("kit/task.py", "class Task(RatedTask):", "class Task(RatedTask):\n    respondents: int = 2"),
    "judge:kit-judge": ("kit/judge.py", "class Judge(ToyJudge):", "class Judge(ToyJudge):\n    lenience: float = 0.0"),
    "engine:kit-engine": ("kit/engine.py", "class Engine(ToyEngine):", "class Engine(ToyEngine):\n    width: int = 2"),
}


@pytest.mark.parametrize("of", EDITS)
def test_a_plug_in_edited_in_place_is_another_run_told_in_words_and_edited_back_the_same_one(kit, of):
    file, old, new = EDITS[of]
    before = identity()
    edit(kit / file, old, new)
    after = identity()
    assert after.digest != before.digest
    kind, name = of.split(":")
    assert differences(before.fields, after.fields) == [
        f"the sources of the {kind} '{name}' changed since it was started"
    ]
    edit(kit / file, new, old)
    assert identity() == before


def test_what_the_method_imports_and_the_files_beside_it_count_and_what_it_does_not_use_does_not(kit):
    before = identity()
    for file, old, new in (("kit/amounts.py", "0.5", "0.25"), ("kit/words/list.txt", "calm", "wild")):
        edit(kit / file, old, new)
        assert identity().digest != before.digest
        edit(kit / file, new, old)
    edit(kit / "kit" / "other.py", "class Other(Push):", "class Other(Push):\n    size = 9.0")
    write(kit / "kit" / ".notes", "hidden")
    edit(kit / "kit" / "push.py", '"""Pushes."""', '"""Pushes up."""  # and on')
    assert identity() == before


def test_another_version_of_the_distribution_is_another_run(kit):
    before = identity()
    edit(kit / "kit-0.1.dist-info" / "METADATA", "Version: 0.1", "Version: 0.2")
    told = differences(before.fields, identity().fields)
    assert "the method 'kit-push' was of kit 0.1 and is now of kit 0.2" in told
    assert len(told) == 4


def test_a_run_that_kept_no_record_of_its_code_is_told_of_as_such(kit):
    now = identity()
    then = {name: value for name, value in now.fields.items() if name != "code"}
    assert differences(then, now.fields) == ["the code was not recorded when it was started"]


def test_the_parts_of_a_composed_method_what_a_row_is_matched_to_and_the_reference_count(kit):
    composed = PLAN.model_copy(update={"methods": ("toy-words+kit-push",)})
    matched = PLAN.model_copy(
        update={"methods": ("toy-random",), "method_parameters": {"toy-random": {"of": "kit-push"}}}
    )
    floor = PLAN.model_copy(update={"methods": ("toy-silent",), "rule": "fluency-floor"})
    assert {"method:toy-words", "method:kit-push"} <= identity(composed).fields["code"].keys()
    assert {"method:toy-random", "method:kit-push"} <= identity(matched).fields["code"].keys()
    assert "method:toy-words" in identity(floor).fields["code"]
    assert "method:toy-words" not in identity(floor.model_copy(update={"rule": "best-score"})).fields["code"]


def test_verdicts_and_answers_kept_elsewhere_are_kept_by_the_code_too(kit):
    def keys():
        as_in_a_new_process()
        prepared = prepare(PLAN)
        return verdicts_key(prepared.judges["trait"]), Steered(prepared.engine, None, UNSTEERED, 1.0, {}).key

    judged, answered = keys()
    edit(kit / "kit" / "judge.py", *EDITS["judge:kit-judge"][1:])
    assert keys()[0] != judged
    assert keys()[1] == answered
    edit(kit / "kit" / "engine.py", *EDITS["engine:kit-engine"][1:])
    assert keys()[1] != answered


def test_rating_again_by_an_edited_judge_asks_it_anew_and_keeps_the_code_that_made_the_answers(kit, tmp_path):
    prepared = prepare(PLAN)
    run = prepared.folder(tmp_path)
    execute(prepared, run)
    judged = verdicts_key(prepared.judges["trait"])
    as_in_a_new_process()
    again = prepare_again(run, {}, {})
    edit(kit / "kit" / "judge.py", *EDITS["judge:kit-judge"][1:])
    edit(kit / "kit" / "push.py", *EDITS["method:kit-push"][1:])
    as_in_a_new_process()
    by_another = prepare_again(run, {}, {})
    assert by_another.identity.digest != again.identity.digest
    then, now = again.identity.fields["code"], by_another.identity.fields["code"]
    assert {of for of in then if then[of] != now[of]} == {"judge:kit-judge"}
    assert verdicts_key(by_another.judges["trait"]) != judged


def test_a_ledger_of_other_code_is_refused_with_what_changed(kit, tmp_path):
    prepared = prepare(PLAN)
    execute(prepared, tmp_path / "run")
    (tmp_path / "run" / "run.json").unlink()
    edit(kit / "kit" / "push.py", *EDITS["method:kit-push"][1:])
    as_in_a_new_process()
    with pytest.raises(
        UserError,
        match=r"another one \(the sources of the method 'kit-push' changed since it was started\); start a new",
    ):
        execute(prepare(PLAN), tmp_path / "run")
    assert (tmp_path / "run" / LEDGER).exists()


# -- modules of every kind


def test_a_module_of_no_distribution_goes_by_its_name_and_what_lies_beside_it(tmp_path, monkeypatch):
    write(tmp_path / "single.py", "import beside\nimport numpy\n\n\nclass Method:\n    pass\n")
    write(tmp_path / "beside.py", "X = 1\n")
    write(tmp_path / "runs" / "run.json", "{}")
    monkeypatch.syspath_prepend(tmp_path)

    def code():
        as_in_a_new_process()
        return code_of("method", "nobody's", importlib.import_module("single").Method())

    before = code()
    assert before["module"] == "single"
    write(tmp_path / "runs" / "run.json", "[]")
    assert code() == before
    write(tmp_path / "beside.py", "X = 2\n")
    assert code()["sha256"] != before["sha256"]
    assert set(sources.reached(["single"], [])) == {"single", "beside"}


def test_beside_other_distributions_only_what_is_nobodys_is_followed(tmp_path, monkeypatch):
    write(tmp_path / "single.py", "import beside, kit\n")
    write(tmp_path / "beside.py", "")
    for name, text in KIT.items():
        write(tmp_path / name, text)
    monkeypatch.syspath_prepend(tmp_path)
    as_in_a_new_process()
    assert set(sources.reached(["single"], [])) == {"single", "beside"}


def test_a_package_in_a_zip_has_the_digest_that_it_has_in_a_folder(tmp_path, monkeypatch):
    files = {
        "zipped/__init__.py": "from zipped.inner import X\n",
        "zipped/inner.py": "X = 1\n",
        "zipped/a/b.csv": "1\n",
    }
    found = []
    for name, place in (("folder", tmp_path / "folder"), ("zip", tmp_path / "z.zip"), ("edited", tmp_path / "e.zip")):
        if name == "folder":
            for file, text in files.items():
                write(place / file, text)
        else:
            with zipfile.ZipFile(place, "w") as archive:
                for file, text in files.items():
                    archive.writestr(file, text.replace("1", "2") if name == "edited" else text)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(place)
            as_in_a_new_process()
            assert set(sources.reached(["zipped"], [])) == {"zipped", "zipped.inner"}
            found.append(sources.digest(["zipped"], []))
    assert found[0] == found[1] != found[2]


def test_a_compiled_module_counts_as_it_is_and_a_namespace_as_what_is_in_it(tmp_path, monkeypatch):
    import py_compile

    write(tmp_path / "source.py", "X = 1\n")
    (tmp_path / "zipped" / "inner").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)

    def compiled(text):
        write(tmp_path / "source.py", text)
        py_compile.compile(str(tmp_path / "source.py"), str(tmp_path / "zipped" / "inner" / "only.pyc"))
        as_in_a_new_process()
        assert set(sources.reached(["zipped.inner.only"], [])) == {"zipped", "zipped.inner", "zipped.inner.only"}
        return sources.digest(["zipped.inner.only"], [])

    assert compiled("X = 1\n") != compiled("X = 2\n")


# -- our own


OURS = ("steerbench", "methods", "tasks", "judges")


def test_our_own_plug_ins_reach_neither_the_command_line_nor_the_site_nor_one_another():
    harness = set(sources.reached(["steerbench.runner"], OURS))
    assert {"steerbench.evaluation", "steerbench.calibration", "steerbench.losses", "steerbench.thoughts"} <= harness
    assert {"steerbench.reporting", "steerbench.room", "steerbench.judging.panel"} <= harness
    pas = set(sources.reached(["methods.pas"], OURS))
    assert "methods.probes" in pas
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
from steerbench.code_identity import code_of, harness_code
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
    edit(copied / "steerbench" / "runner.py", '"""Carries out', '"""Carefully carries out')
    assert told_by(copied) == here
    for file in ("methods/probes.py", "tasks/papi/metrics.py", "steerbench/engines/hf/attention.py"):
        write(copied / file, (copied / file).read_text() + "\nEDITED = True\n")
    edited = told_by(copied)
    assert edited[0] == here[0]
    assert not [1 for then, now in zip(here[1:], edited[1:], strict=True) if then == now]


# -- as a user has it


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


def test_digests_alone_are_told_of_as_sources():
    assert changes("a", "b") == ["the sources changed"]
    assert changes("a", "a") == []
