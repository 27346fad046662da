"""Sweeps: the runs they are made of, what is shared, and that one may be stopped anywhere."""

import pytest
from steerbench_crashing import Crash, CrashingEngine
from steerbench_testkit import ToyEngine

from steerbench.errors import UserError
from steerbench.records.plan import Plan
from steerbench.records.results import read_result
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.studies.sweep import Sweep, SweepResult, Swept, parameter_named, run_sweep, without_break_downs

PLAN = Plan(methods=("toy-push",), task="toy", model="toy-model", engine="toy", budget=4, trivial=False)
SIZES = Sweep(PLAN, Swept("size", "toy-push", "size"), [0.25, 0.5, 1])
STRENGTHS = Sweep(PLAN, Swept("strength", "toy-push", "strength"), [0, 2, 4])
RATED = PLAN.model_copy(update={"task": "toy-rated", "judge_parameters": {"toy-judge": {"price": 0.5}}})


def numbers(result):
    return result.model_dump(exclude={"timings"})


def test_every_value_is_an_ordinary_run_and_unsteered_stands_beside_them(tmp_path):
    result, folder = run_sweep(SIZES, tmp_path, ToyEngine())
    assert result == SweepResult.model_validate_json((folder / "sweep.json").read_text())
    assert (result.headline, result.higher_is_better, result.targets) == ("error", False, 3)
    assert [point.value for point in result.points] == [0.25, 0.5, 1]
    for point, size in zip(result.points, (0.25, 0.5, 1), strict=True):
        plan = PLAN.model_copy(update={"method_parameters": {"toy-push": {"size": size}}})
        alone = prepare(plan)
        expected = execute(alone, tmp_path / "alone" / str(size))
        assert (point.run, point.digest) == (alone.folder(tmp_path).name, expected.digest)
        assert numbers(read_result(tmp_path / point.run)) == numbers(expected)
        assert point.metrics == expected.methods["toy-push"].metrics
        assert point.strength in expected.methods["toy-push"].strengths.values()
    reference = read_result(tmp_path / result.reference.run)
    assert list(reference.methods) == ["unsteered"]
    assert result.reference.metrics == reference.methods["unsteered"].metrics


def test_sweeping_the_strength_calibrates_nothing_and_at_0_nothing_is_steered(tmp_path):
    engine = ToyEngine()
    result, _ = run_sweep(STRENGTHS, tmp_path, engine)
    assert [point.strength for point in result.points] == [0, 2, 4]
    assert result.points[0].metrics == result.reference.metrics
    assert len({point.metrics["error"].value for point in result.points}) == 3
    asked_calibrating = [request for request in engine.asked if request.prompt.start.endswith(("Say 5.", "Say 6."))]
    assert asked_calibrating == []


def test_all_runs_are_made_on_the_engine_that_is_given(tmp_path):
    # A model that cannot be loaded, were it to be loaded again.
    plan = PLAN.model_copy(update={"model": "no such model"})
    result, _ = run_sweep(Sweep(plan, STRENGTHS.swept, [1, 2]), tmp_path, ToyEngine())
    assert len(result.points) == 2


def test_the_same_sweep_again_has_the_same_folder_and_asks_nothing(tmp_path):
    first, folder = run_sweep(SIZES, tmp_path, ToyEngine())
    engine = ToyEngine()
    assert run_sweep(SIZES, tmp_path, engine) == (first, folder)
    assert engine.asked == []
    assert folder.name.startswith("sweep-toy-toy-push-size-")
    assert len(folder.name.rpartition("-")[2]) == 10


def test_a_wider_sweep_has_a_folder_of_its_own_and_makes_only_the_runs_that_are_new(tmp_path):
    _, folder = run_sweep(SIZES, tmp_path, ToyEngine())
    engine, single = ToyEngine(), ToyEngine()
    _, wider = run_sweep(Sweep(PLAN, SIZES.swept, [0.25, 0.5, 1, 2]), tmp_path, engine)
    execute(prepare(SIZES.plan(2), engine=single), tmp_path / "single")
    assert wider != folder
    assert len(engine.asked) == len(single.asked)


def test_a_sweep_killed_at_any_chunk_goes_on_and_ends_with_the_same_result(tmp_path):
    counting = CrashingEngine()
    whole, _ = run_sweep(SIZES, tmp_path / "whole", counting)
    assert counting.chunks > 20
    for left in range(0, counting.chunks, 3):
        out = tmp_path / f"killed-{left}"
        with pytest.raises(Crash):
            run_sweep(SIZES, out, CrashingEngine(left=left))
        assert not list(out.glob("sweep-*"))
        again = CrashingEngine()
        assert run_sweep(SIZES, out, again)[0] == whole
        assert again.chunks == counting.chunks - left


def test_a_judge_budget_is_for_all_runs_together(tmp_path):
    sweep = Sweep(RATED, STRENGTHS.swept, [1, 2, 3])
    run_sweep(sweep, tmp_path / "first", ToyEngine())  # pays for the judge's check, if no test has yet
    result, _ = run_sweep(sweep, tmp_path / "free", ToyEngine())
    costs = [read_result(tmp_path / "free" / run).judges["trait"].cost for run in runs_of(result)]
    assert min(costs) > 0
    run_sweep(sweep, tmp_path / "enough", ToyEngine(), judge_budget=sum(costs))
    with pytest.raises(UserError, match="judge budget"):
        run_sweep(sweep, tmp_path / "less", ToyEngine(), judge_budget=sum(costs) - 0.5)
    with pytest.raises(UserError, match="judge budget"):  # and what was paid before the stop is not forgotten
        run_sweep(sweep, tmp_path / "less", ToyEngine(), judge_budget=sum(costs) - 0.5)
    assert run_sweep(sweep, tmp_path / "less", ToyEngine(), judge_budget=sum(costs))[0] == result


def runs_of(result):
    return [result.reference.run, *(point.run for point in result.points)]


@pytest.mark.parametrize(
    ("method", "symbol", "part", "expected"),
    [
        ("toy-push", "size", "", Swept("size", "toy-push", "size")),
        ("toy-push", "strength", "", Swept("strength", "toy-push", "strength")),
        ("toy-push+toy-words", "strength", "", Swept("strength", "toy-push", "strength")),
        ("toy-words+toy-push", "size", "toy-push", Swept("size", "toy-push", "size")),
        ("pas", "k", "", Swept("k", "pas", "heads")),
        ("pas", "heads", "", Swept("heads", "pas", "heads")),
        ("pas", "alpha", "", Swept("alpha", "pas", "strength")),
        ("pas+few-shot", "seed", "few-shot", Swept("seed", "few-shot", "seed")),
    ],
)
def test_a_parameter_has_its_own_name_and_its_symbol_in_the_paper(method, symbol, part, expected):
    assert parameter_named(PLAN.model_copy(update={"methods": (method,)}), symbol, part) == expected


@pytest.mark.parametrize(
    ("method", "symbol", "part", "said"),
    [
        ("toy-push", "sze", "", "parameter of the method 'toy-push' called 'sze'; did you mean 'size'"),
        ("pas", "aplha", "", "did you mean 'alpha'"),
        ("toy-words", "strength", "", "There is no parameter of the method 'toy-words' called 'strength'"),
        ("pas+few-shot", "seed", "", "'seed' may be pas.seed and few-shot.seed; write one of them"),
        ("pas", "k", "psa", "method in this sweep called 'psa'; did you mean 'pas'"),
        ("toy-psh", "size", "", "There is no method 'toy-psh'"),
    ],
)
def test_a_parameter_nobody_has_or_several_have_is_told(method, symbol, part, said):
    with pytest.raises(UserError, match=said):
        parameter_named(PLAN.model_copy(update={"methods": (method,)}), symbol, part)


@pytest.mark.parametrize(
    ("changes", "swept", "values", "said"),
    [
        ({}, SIZES.swept, [0.5, "a"], "toy-push.size cannot be 'a'"),
        ({}, STRENGTHS.swept, [1, "a"], "strength cannot be 'a': a strength is a number"),
        ({}, STRENGTHS.swept, [True], "a strength is a number"),
        ({"strength": 2.0}, STRENGTHS.swept, [1], "leave --strength out"),
        ({"method_parameters": {"toy-push": {"size": 1}}}, SIZES.swept, [1], "toy-push.size is fixed at 1, but size"),
        ({"task_parameters": {"respondents": 0}}, SIZES.swept, [1], "A toy task needs respondents"),
    ],
)
def test_a_value_that_cannot_be_run_is_refused_before_any_run(changes, swept, values, said):
    with pytest.raises(UserError, match=said):
        Sweep(PLAN.model_copy(update=changes), swept, values)


def test_break_downs_are_left_to_the_runs():
    names = ["error", "error A", "error best case", "fluency", "fluency variance", "errors", "off-target"]
    assert list(without_break_downs(dict.fromkeys(names))) == ["error", "fluency", "errors", "off-target"]
