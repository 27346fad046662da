"""A plug-in that breaks its contract is one sentence: whose it is, what is wrong, and what to do."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from steerbench.contracts.targets import target_named
from steerbench.errors import UserError
from steerbench.plugins.composed import Composed, fit
from steerbench.plugins.door import CONTRACTS
from steerbench.plugins.finding import available, find
from steerbench.plugins.plugin import construct, resolve
from steerbench.testing import ToyEngine
from tests.plugins.conftest import Plug

METHOD = """
from steerbench.contracts import Method
from steerbench.contracts.steering import Reply, Steering

class Mine:
    name = "mine"
    needs_model = True
    strengths = (0.0, 8.0)

    def fit(self, engine, targets):
        return [Steering() for _ in targets]
"""
TASK = """
from steerbench.contracts import Sampling, Summary

class Mine:
    name = "mine"
    sampling = Sampling()

    def identity(self):
        return {}

    def targets(self, split):
        return []

    def items(self, target, split):
        return []

    def request(self, item, target, steering): ...

    def score(self, item, target, outcome): ...

    def unseal(self): ...

    def summarise(self, rows, seed):
        return Summary({})
"""
JUDGE = """
class Mine:
    name = "mine"
    qualities = frozenset({"fluency"})
    needs_model = False

    def identity(self):
        return {}

    def rate(self, cases, engine):
        yield {}
"""
ENGINE = """
class Mine:
    name, architecture = "mine", "toy"
    layers = heads = neurons = width = vocabulary = context = 4

    @classmethod
    def load(cls, spec, dtype=None, device=None, chat_template=None):
        return cls()

    def identity(self):
        return {}

    def tokenize(self, prompt): ...

    def lengths(self, requests): ...

    def batches(self, requests): ...

    def choose(self, requests): ...

    def generate(self, requests, sampling): ...

    def capture(self, requests, sites, front=0): ...
"""
SOUND: Mapping[Any, str] = {"method": METHOD, "task": TASK, "judge": JUDGE, "engine": ENGINE}
GIVEN: Mapping[str, Mapping[str, Any]] = {"engine": {"spec": "x"}}


@pytest.mark.parametrize("kind", SOUND)
def test_a_stranger_that_has_what_is_asked_for_gets_the_defaults_of_the_rest(plug: Plug, kind: Any) -> None:
    plug(kind, SOUND[kind])
    built = construct(kind, "mine", GIVEN.get(kind, {}))
    shown = {
        "method": lambda: (built.changes_nothing, built.of, built.deviations, type(built).symbols),
        "task": lambda: (built.baselines, built.chooses_strengths, built.cost, built.deviations, type(built).size),
        "judge": lambda: (built.priced, built.members, built.engine, type(built).former({}), built.self_contained),
        "engine": lambda: (built.hidden,),
    }[kind]()
    assert (
        list(shown)
        == {
            "method": [False, "", (), {}],
            "task": [{}, True, "cost", (), "limit"],
            "judge": [True, (), "", None, False],
            "engine": [0],
        }[kind]
    )


def test_whatever_a_constructor_sets_stands_before_a_default(plug: Plug) -> None:
    set_late = (
        "\n    def __init__(self):\n        self.deviations = ['another prompt']\n        self.changes_nothing = True\n"
    )
    for base in ("class Mine:", "class Mine(Method):"):
        plug("method", METHOD.replace("class Mine:", base) + set_late)
        built = construct("method", "mine", {})
        assert (built.deviations, built.changes_nothing) == (["another prompt"], True)


MINE = r"The {kind} 'mine' \(plugged_\d+:Mine\)"
BROKEN = [
    ("method", "strengths = (0.0, 8.0)", "", r"{mine} has no `strengths`; give it one\."),
    ("method", "needs_model = True", "", r"{mine} has no `needs_model`; give it one\."),
    ("method", 'name = "mine"', "", r"{mine} has no `name`; give it one\."),
    ("method", "def fit", "def fits", r"{mine} has no `fit`; write one: `def fit\(self, engine, targets\)`\."),
    (
        "method",
        "self, engine, targets",
        "self, targets",
        r"{mine}: its `fit` cannot be called as `def fit\(self, engine,",
    ),
    ("method", 'name = "mine"', 'name = "other"', r"{mine} has the `name` 'other'; name it 'mine', as its entry point"),
    ("method", 'name = "mine"', "name = 3", r"{mine}: its `name` is 3, but it has to be a text\."),
    (
        "method",
        'name = "mine"',
        "@property\n    def name(self):\n        raise ValueError('not yet')",
        r"{mine}: its `name` cannot be read \(ValueError: not yet\)\.",
    ),
    (
        "method",
        "(0.0, 8.0)",
        "(8.0, 0.0)",
        r"{mine}: its `strengths` is \(8\.0, 0\.0\), but the lower bound has to come",
    ),
    (
        "method",
        "(0.0, 8.0)",
        "(0.0, float('nan'))",
        r"{mine}: its `strengths` is \(0\.0, nan\), but both of its bounds",
    ),
    ("method", "(0.0, 8.0)", "(0.0, 4.0, 8.0)", r"{mine}: its `strengths` is .*, but it has to be two numbers"),
    ("method", "(0.0, 8.0)", "'08'", r"{mine}: its `strengths` is '08', but it has to be two numbers"),
    ("method", "(0.0, 8.0)", "8.0", r"{mine}: its `strengths` is 8\.0, but it has to be two numbers"),
    (
        "method",
        "needs_model = True",
        'needs_model = "no"',
        r"{mine}: its `needs_model` is 'no', but it has to be True or",
    ),
    (
        "method",
        "needs_model = True",
        "needs_model = True\n    deviations = 'another prompt'",
        r"{mine}: its `deviations` is 'another prompt', but 'str' instances are not allowed as a Sequence",
    ),
    (
        "method",
        "class Mine:",
        "def Mine(): pass\nclass Theirs:",
        r"{mine} is a function, and has to be a class: name one",
    ),
    ("method", "class Mine:", "Mine = 3\nclass Theirs:", r"{mine} is a int, and has to be a class"),
    (
        "method",
        "class Mine:",
        "class Theirs:",
        r"{mine} cannot be imported: module 'plugged_\d+' has no attribute 'Mine'",
    ),
    (
        "method",
        "class Mine:",
        "import nothing_here\nclass Mine:",
        r"{mine} cannot be imported: No module named 'nothing_",
    ),
    ("task", "def identity", "def identify", r"{mine} has no `identity`; write one: `def identity\(self\)`\."),
    (
        "task",
        "sampling = Sampling()",
        "sampling = None",
        r"{mine}: its `sampling` is None, but it has to be a Sampling\.",
    ),
    ("task", "sampling = Sampling()", "", r"{mine} has no `sampling`; give it one\."),
    (
        "task",
        "def score(self, item, target, outcome)",
        "score = None\n    def x(self)",
        r"{mine} has no `score`; write one",
    ),
    (
        "task",
        "sampling = Sampling()",
        "sampling, baselines = Sampling(), ['unsteered']",
        r"{mine}: its `baselines` is \['unsteered'\], but it should be a valid dictionary",
    ),
    (
        "task",
        "sampling = Sampling()",
        "sampling, baselines = Sampling(), {'unsteered': 'plain'}",
        r"{mine}: its `baselines` is .*, but at \['unsteered'\] it should be 'unsteered', 'placebo'",
    ),
    ("judge", "def rate", "def rates", r"{mine} has no `rate`; write one: `def rate\(self, cases, engine\)`\."),
    (
        "judge",
        'frozenset({"fluency"})',
        '"fluency"',
        r"{mine}: its `qualities` is 'fluency', but it should be a valid fro",
    ),
    (
        "judge",
        "needs_model = False",
        "needs_model = False\n    engine = object()",
        r"{mine}: its `engine` is <object .*text",
    ),
    ("engine", "def load", "def loads", r"{mine} has no `load`; write one: `@classmethod def load\(cls, spec, dtype"),
    (
        "engine",
        "(cls, spec, dtype",
        "(cls, model, dtype",
        r"{mine}: its `load` cannot be called as .*missing|unexpected",
    ),
    ("engine", "layers = heads", "heads", r"{mine} has no `layers`; give it one\."),
    ("engine", "def capture", "def captures", r"{mine} has no `capture`"),
]


@pytest.mark.parametrize(
    "part", ["strengths = (0.0, 8.0)", "needs_model = True", 'name = "mine"', "def fit(self, engine, "]
)
def test_a_class_that_inherits_from_its_contract_lacks_the_same(plug: Plug, part: str) -> None:
    source = METHOD.replace("class Mine:", "class Mine(Method):")
    lacking = source.replace(part, "def fits(self, engine, " if part.startswith("def") else "")
    assert lacking != source
    plug("method", lacking)
    with pytest.raises(UserError, match=r"The method 'mine' \(.*\) has no `\w+`; (give it one|write one: `def fit)"):
        construct("method", "mine", {})


@pytest.mark.parametrize(("kind", "part", "broken", "sentence"), BROKEN)
def test_what_breaks_the_contract_is_one_sentence(plug: Plug, kind: Any, part: str, broken: str, sentence: str) -> None:
    source = SOUND[kind].replace(part, broken)
    assert source != SOUND[kind]
    plug(kind, source)
    with pytest.raises(UserError) as refused:
        construct(kind, "mine", GIVEN.get(kind, {}))
    told = str(refused.value)
    assert re.match(sentence.replace("{mine}", MINE.replace("{kind}", kind)), told), told
    assert "\n" not in told


EVERY = [
    pytest.param("fit", "None", "The `fit` of 'mine' returned nothing; return a list with one Steering", id="nothing"),
    pytest.param("fit", "(Steering() for _ in targets)", "returned a generator; return a list", id="a generator"),
    pytest.param("fit", "{t.id: Steering() for t in targets}", "returned a dict; return a list", id="a dict"),
    pytest.param("fit", "[Steering()]", "returned 1 steerings for 2 targets; return a list with one", id="too few"),
    pytest.param("fit", "[Steering()] * 3", "returned 3 steerings for 2 targets", id="too many"),
    pytest.param(
        "fit", "[None for _ in targets]", "returned nothing for 'extraversion\\+'; return a list", id="no steering"
    ),
]


@pytest.mark.parametrize(("called", "returned", "sentence"), EVERY)
def test_what_a_fit_returns_is_held_to_the_contract(plug: Plug, called: str, returned: str, sentence: str) -> None:
    plug("method", METHOD.replace("[Steering() for _ in targets]", returned))
    method, targets = construct("method", "mine", {}), [target_named("extraversion+"), target_named("openness-")]
    for whole in (method, Composed("mine+mine", (method, method))):
        with pytest.raises(UserError, match=sentence):
            fit(whole, ToyEngine(), targets)


def test_a_method_that_asks_no_model_has_to_reply(plug: Plug) -> None:
    plug("method", METHOD.replace("needs_model = True", "needs_model = False"))
    method = construct("method", "mine", {})
    with pytest.raises(UserError, match=r"'mine' answers without a model .* for 'openness-' has no `reply`: give"):
        fit(method, None, [target_named("openness-")])  # type: ignore[arg-type]


def test_a_plug_in_is_resolved_once_and_says_where_it_is_from(plug: Plug) -> None:
    where = plug("method", METHOD + "\n    def __init__(self, size: int = 3, seed: int = 0) -> None: ...\n")
    found = resolve("method", "mine")
    assert found is resolve("method", "mine")
    assert found.cls is find("method", "mine")
    assert {name: (one.hint, one.default) for name, one in found.parameters.items()} == {
        "size": (int, 3),
        "seed": (int, 0),
    }
    assert found.distribution == f"{where.removesuffix(':Mine')} 0.1"
    assert found.code["distribution"] == where.removesuffix(":Mine")
    assert len(found.code["sha256"]) == 64
    assert found.settled({"size": 5}, {"seed": 7, "protocol": "strict"}) == {"seed": 7, "size": 5}


FOREIGN = {
    "steerbench/cli/app.py": "exceptions of typer and click",
    "steerbench/engines/hf/modules.py": "configurations of transformers",
    "steerbench/engines/prompts.py": "configurations of transformers",
    "steerbench/engines/vllm/eager.py": "torch modules and vLLM's runner",
    "steerbench/engines/vllm/serving/admission.py": "vLLM's sampling parameters",
    "steerbench/engines/vllm/widths.py": "configurations of transformers",
    "steerbench/engines/vllm/worker.py": "vLLM's runner",
    "steerbench/plugins/described.py": "annotations",
    "steerbench/plugins/door.py": "plug-ins: the one place",
    "steerbench/plugins/finding.py": "modules",
    "steerbench/plugins/source_text.py": "the tokenizer of this version of Python",
    "steerbench/plugins/sources.py": "modules",
}
"""Files that ask objects for attributes they may lack, and whose objects these are."""


def test_only_the_door_asks_a_plug_in_whether_it_has_an_attribute() -> None:
    root = Path(__file__).parents[2]
    asking = {
        str(file.relative_to(root))
        for folder in ("steerbench", "tasks", "methods", "judges", "leaderboard")
        for file in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _asks(node)
    }
    assert asking == set(FOREIGN)


def _asks(call: ast.Call) -> bool:
    """Whether it reads an attribute that may be missing, or one by a constant name that a type checker could know."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in ("hasattr", "getattr_static"):
        return True
    return name == "getattr" and (len(call.args) > 2 or isinstance(call.args[1], ast.Constant))


@pytest.mark.parametrize("kind", ["method", "task", "judge", "engine"])
def test_our_own_plug_ins_inherit_from_their_contracts(kind: Any) -> None:
    ours = [
        name for name, point in available(kind).items() if point.dist is not None and point.dist.name == "steerbench"
    ]
    assert ours
    assert all(CONTRACTS[kind] in find(kind, name).__mro__ for name in ours)
