"""A plug-in that breaks its contract is one sentence: whose it is, what is wrong, and what to do."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from steerbench.errors import UserError
from steerbench.plugins.plugin import construct, resolve
from tests.plugins.conftest import Plug
from tests.plugins.sound import ENGINE, JUDGE, METHOD, TASK

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
            "task": [None, True, "cost", (), "limit"],
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
        r"{mine} has to be a class, and is of type function; name",
    ),
    ("method", "class Mine:", "Mine = 3\nclass Theirs:", r"{mine} has to be a class, and is of type int"),
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


@pytest.mark.parametrize(
    ("source", "attribute", "sentence"),
    [
        (
            METHOD,
            "",
            r"The method 'mine' \(plugged_\d+\) has to be a class, and is of type module; name a class there\.",
        ),
        ("Mine = {}", "Mine", r"{mine} has to be a class, and is of type dict"),
        (METHOD, "Theirs", r"The method 'mine' \(plugged_\d+:Theirs\) cannot be imported: module 'plugged_\d+' has no"),
        (
            METHOD,
            "Mi ne!",
            r"The method 'mine' \(plugged_\d+:Mi ne!\) is no entry point; write it as package\.module:Cl",
        ),
        ("class Mine", "Mine", r"{mine} cannot be imported: SyntaxError: "),
        ("raise ValueError('not here')", "Mine", r"{mine} cannot be imported: ValueError: not here\."),
    ],
)
def test_an_entry_point_that_leads_to_no_class_is_one_sentence(
    plug: Plug, source: str, attribute: str, sentence: str
) -> None:
    plug("method", source, attribute)
    with pytest.raises(UserError, match=sentence.replace("{mine}", MINE.replace("{kind}", "method"))) as refused:
        resolve("method", "mine")
    assert "\n" not in str(refused.value)
