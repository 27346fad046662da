"""Suite files: what the keys come to, what the top gives to all runs, and what is said of a bad one."""

from pathlib import Path

import pytest

from steerbench.cli.suite_file import chosen, read_file
from steerbench.errors import UserError
from steerbench.records.plan import Plan
from steerbench.studies.suite import Suite

SUITES = Path(__file__).parents[2] / "suites"
TOP = 'model = "toy-model"\nengine = "toy"\nmethods = ["toy-push"]\ntask = "toy"\n'
RUN = '[[runs]]\nname = "one"\n'


@pytest.fixture
def read(tmp_path):
    """The runs of a file with this text."""

    def call(text):
        path = tmp_path / "some.toml"
        path.write_text(text)
        return read_file(path)[1]

    return call


def plans(entries):
    return {entry.name: entry.plan for entry in entries}


def test_keys_are_the_options_of_run_and_a_run_has_what_the_top_says(read):
    text = f"""{TOP}budget = 4
    {RUN}
    [[runs]]
    name = "two"
    methods = ["toy-words", "toy-push+toy-words"]
    task = "arithmetic-sample"
    poles = ["openness+", "openness-"]
    limit = 3
    protocol = "published"
    strength = 2
    trivial = false
    seed = 7
    """
    found = plans(read(text))
    same = {"model": "toy-model", "engine": "toy", "budget": 4}
    assert found["one"] == Plan(methods=("toy-push",), task="toy", **same)
    assert found["two"] == Plan(
        methods=("toy-words", "toy-push+toy-words"),
        task="arithmetic-sample",
        task_parameters={"poles": "openness+,openness-", "limit": 3},
        protocol="published",
        calibration="grid",
        strength=2,
        trivial=False,
        seed=7,
        **same,
    )


def test_parameters_reach_the_plug_ins_they_are_for_and_those_of_a_run_go_before_those_of_the_top(read):
    text = f"""{TOP}
    [param]
    "toy-push.size" = 1.0
    toy-push.variant = "published"
    respondents = 5
    {RUN}
    [runs.param]
    toy-push.size = 2.0
    toy.readout = "generate"
    """
    (entry,) = read(text)
    assert entry.plan.method_parameters == {"toy-push": {"size": 2.0, "variant": "published"}}
    assert entry.plan.task_parameters == {"respondents": 5, "readout": "generate"}


def test_judges_are_named_as_by_the_options(read):
    (entry,) = read(f'{TOP}{RUN}task = "toy-rated"\njudge = "toy-judge"\nparam."toy-judge.price" = 0.5\n')
    assert (entry.plan.judges, entry.plan.judge_parameters) == ({"trait": "toy-judge"}, {"toy-judge": {"price": 0.5}})


def test_a_list_of_tasks_makes_a_run_of_each(read):
    entries = read(f'{TOP}{RUN}[[runs]]\nname = "cost"\ntasks = ["toy", "toy-rated"]\nstrengths-from = "one"\n')
    assert [(entry.name, entry.plan.task, entry.strengths_from) for entry in entries] == [
        ("one", "toy", ""),
        ("cost-toy", "toy", "one"),
        ("cost-toy-rated", "toy-rated", "one"),
    ]
    assert [entry.name for entry in chosen(entries, ["cost-toy"])] == ["one", "cost-toy"]
    assert [entry.name for entry in chosen(entries, ["cost"])] == ["one", "cost-toy", "cost-toy-rated"]
    assert chosen(entries, ["one"]) == entries[:1]
    assert chosen(entries, []) == entries
    with pytest.raises(UserError, match="no run in this suite called 'cost-toi'; did you mean 'cost-toy'"):
        chosen(entries, ["cost-toi"])


def test_a_strength_of_the_top_gives_way_to_strengths_that_a_run_takes(read):
    _, two = read(f'{TOP}strength = 1.0\n{RUN}[[runs]]\nname = "two"\nstrengths-from = "one"\n')
    assert (two.plan.strength, two.strengths_from) == (None, "one")


def test_strengths_come_from_the_folder_of_any_finished_run(read, tmp_path):
    from steerbench_testkit import ToyEngine

    from steerbench.running.preparing import prepare
    from steerbench.running.runner import execute
    from steerbench.running.strengths import chosen_in

    plan = Plan(methods=("toy-push",), task="toy", model="toy-model", engine="toy", budget=2, trivial=False)
    result = execute(prepare(plan, engine=ToyEngine()), tmp_path / "earlier")
    (entry,) = read(f'{TOP}{RUN}strengths-from = "{tmp_path / "earlier"}"\n')
    assert (entry.strengths_from, entry.plan.strengths) == ("", chosen_in(result.methods).strengths)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no runs: write [[runs]]"),
        ("name = \n", "is no readable TOML: Invalid value (at line 1, column 8)"),
        ('[runs]\nname = "one"\n', "every run begins with [[runs]], in two brackets"),
        ("runs = 1\n", "every run begins with [[runs]], in two brackets"),
        (f"sede = 1\n{TOP}{RUN}", "before the first run: There is no key called 'sede'; did you mean 'seed'"),
        (f'name = "x"\n{TOP}{RUN}', "before the first run: There is no key called 'name'"),
        (f"{TOP}{RUN}limt = 5\n", "run 'one': There is no key of a run called 'limt'; did you mean 'limit'"),
        (f'{TOP}{RUN}method = "pas"\n', "did you mean 'methods'"),
        (f"{TOP}{RUN}limit = 0\n", "run 'one': limit cannot be 0: input should be greater than or equal to 1."),
        (f'{TOP}{RUN}limit = "5"\n', "run 'one': limit cannot be '5': input should be a valid integer."),
        (f'{TOP}{RUN}methods = "pas"\n', "methods cannot be 'pas': input should be a valid list"),
        (f"{TOP}{RUN}methods = []\n", "methods cannot be []"),
        (f'{TOP}{RUN}protocol = "loose"\n', "protocol cannot be 'loose': input should be 'strict' or 'published'"),
        (f"{TOP}{RUN}param = 5\n", "param cannot be 5"),
        (f"{TOP}{RUN}param.size = 2026-01-01\n", "run 'one': "),
        (f"{TOP}[[runs]]\nseed = 1\n", "run 1: It has no name."),
        ('methods = ["pas"]\n[[runs]]\nname = "one"\n', "run 'one': It has no task: write task, or tasks"),
        ('task = "toy"\n[[runs]]\nname = "one"\n', "run 'one': It has no methods."),
        (f'{TOP}{RUN}tasks = ["toy"]\ntask = "toy"\n', "It has 'task' and 'tasks'; leave one out."),
        (f'{TOP}{RUN}[[runs]]\nname = "b"\nstrength = 1\nstrengths-from = "one"\n', "'strength' and 'strengths-from'"),
        (f'{TOP}{RUN}model = "toy-other"\n', "'model' stands before the first run"),
        (f"{TOP}{RUN}{RUN}", "run 'one': There is a run called 'one' before it"),
        (f'{TOP}[[runs]]\nname = "a"\ntasks = ["toy"]\n[[runs]]\nname = "a-toy"\n', "a run called 'a-toy' before it"),
        (f'{TOP}{RUN}strengths-from = "two"\n[[runs]]\nname = "two"\n', "'two', which stands after it; move that run"),
        (f'{TOP}{RUN}strengths-from = "one"\n', "There is no run before it called 'one'; there are: none."),
        (f'{TOP}{RUN}[[runs]]\nname = "b"\nstrengths-from = "onne"\n', "called 'onne'; did you mean 'one'"),
        (f'{TOP}{RUN}strengths-from = "runs/none"\n', "There is no finished run in runs/none"),
        (
            f'{TOP}[[runs]]\nname = "a"\ntasks = ["toy", "toy-rated"]\n[[runs]]\nname = "b"\nstrengths-from = "a"\n',
            "run 'b': Strengths come from one run, and 'a' is 2: name one of them.",
        ),
    ],
)
def test_a_bad_file_is_one_sentence_that_names_the_file_and_the_run(read, text, said):
    with pytest.raises(UserError, match=r"some\.toml") as refused:
        read(text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path):
    with pytest.raises(UserError, match=r"none\.toml cannot be read \(No such file"):
        read_file(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"bytes\.toml is no readable TOML"):
        read_file(tmp_path / "bytes.toml")


@pytest.mark.parametrize("name", ["offline", "reasoning", "personas"])
def test_the_shipped_suites_ask_for_nothing_that_does_not_exist(name, monkeypatch, tmp_path):
    monkeypatch.setenv("STEERBENCH_DATA", str(tmp_path))
    path = SUITES / f"{name}.toml"
    suite = Suite(path, *read_file(path))
    # Without a download, what needs one is left out, and only the offline suite is whole.
    needs = {entry.name for entry in suite.entries if not entry.plan.task.endswith(("-sample", "bench"))}
    assert set(suite.unavailable) == needs
    assert (needs == set()) == (name == "offline")


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["reasoning", "personas"])
def test_the_shipped_suites_are_whole_with_their_data(name):
    path = SUITES / f"{name}.toml"
    assert Suite(path, *read_file(path)).unavailable == {}
