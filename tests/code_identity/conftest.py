"""A distribution of plug-ins whose sources may be edited, and what it takes to see them anew."""

import importlib
import sys

import pytest

from steerbench.plugins import code as code_identity
from steerbench.plugins import sources
from steerbench.records.plan import Plan
from steerbench.running.preparing import prepare

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
    "kit/other.py": """from dataclasses import dataclass

from kit.push import Push


@dataclass
class Other(Push):
    name: str = "kit-other"
""",
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
