"""Trade-offs from end to end in the toy world: which runs are made, matched strengths, and what is reported."""

import json

import numpy as np
import pytest
from steerbench_testkit import ToyEngine

from steerbench.errors import UserError
from steerbench.records.plan import Plan
from steerbench.records.results import read_result
from steerbench.studies.tradeoff.answers import read_answers
from steerbench.studies.tradeoff.asked import Tradeoff
from steerbench.studies.tradeoff.measuring import run_tradeoff
from steerbench.studies.tradeoff.result import read_tradeoff

BASE = Plan(
    methods=("toy-push", "toy-random", "toy-words"),
    task="toy-rated",
    task_parameters={"poles": "pa,pb"},
    model="toy-model",
    engine="toy",
    trivial=False,
)
COSTS = {"toy": {"limit": 4}}
ASKED = Tradeoff(BASE, COSTS, levels=3)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    result, folder = run_tradeoff(ASKED, out, ToyEngine())
    return result, folder, out


def heights(out, run, method):
    """[items]: summed over targets, how high the answers are, from the ledger."""
    losses = read_answers(out / run, method).losses
    items = sorted({item for _, item in losses})
    return np.array([sum(5 - loss for (_, i), loss in losses.items() if i == item) for item in items])


def test_a_result_says_what_was_asked_and_is_read_back(made):
    result, folder, _ = made
    assert read_tradeoff(folder) == result
    assert result.targets == ["pa", "pb"]
    assert result.costs == ["fluency", "toy"]
    assert [point.strength for point in result.curves["toy-push"].points] == pytest.approx([8 / 3, 16 / 3, 8])
    assert [point.dose for point in result.curves["toy-push"].points] == pytest.approx([1 / 3, 2 / 3, 1])
    assert (result.curves["toy-words"].dial, len(result.curves["toy-words"].points)) == (None, 1)


def test_effects_are_what_the_runs_ledgers_say_beside_the_unsteered_run(made):
    result, _, out = made
    plain = heights(out, result.unsteered["calibration"], "unsteered")
    for method, curve in result.curves.items():
        for point in curve.points:
            gained = heights(out, point.runs["calibration"], method) - plain
            assert point.effect.value == pytest.approx(gained.mean())
    assert result.curves["toy-push"].reach.value == max(p.effect.value for p in result.curves["toy-push"].points)


def test_costs_are_the_mean_rise_of_the_loss_and_of_the_side_cost(made):
    result, _, out = made
    point = result.curves["toy-push"].points[1]
    asked, plain = (
        read_answers(out / run, m)
        for run, m in ((point.runs["toy"], "toy-push"), (result.unsteered["toy"], "unsteered"))
    )
    rise = [loss - plain.losses[place] for place, loss in asked.losses.items()]
    assert len(rise) == 2 * 4
    assert point.prices["toy"].value == pytest.approx(np.mean(rise))
    asked, plain = (
        read_answers(out / run, m)
        for run, m in ((point.runs["calibration"], "toy-push"), (result.unsteered["calibration"], "unsteered"))
    )
    assert point.prices["fluency"].value == pytest.approx(
        np.mean([cost - plain.costs[place] for place, cost in asked.costs.items()])
    )


def test_strengths_are_matched_on_calibration_questions_and_measured_on_test_questions(made):
    result, _, out = made
    reached = {m: c.reach.value for m, c in result.curves.items() if c.dial and c.reach.low > 0}
    assert reached
    assert result.wanted == min(reached.values())
    for method in reached:
        curve = result.curves[method]
        assert curve.matched
        doses, effects = [0, *(p.strength for p in curve.points)], [0, *(p.effect.value for p in curve.points)]
        assert np.interp(curve.measured.strength, doses, effects) == pytest.approx(result.wanted, abs=0.02)
        gained = heights(out, curve.measured.runs["test"], method) - heights(out, result.unsteered["test"], "unsteered")
        assert curve.measured.effect.value == pytest.approx(gained.mean())


def test_a_method_without_a_dial_stands_at_its_own_effect_unless_it_is_the_one_to_match(made, tmp_path):
    result, _, _ = made
    assert not result.curves["toy-words"].matched
    assert "toy-words" not in {name for d in result.differences for name in (d.first, d.second)}
    other, _ = run_tradeoff(Tradeoff(BASE, COSTS, levels=3, wanted="toy-words"), tmp_path, ToyEngine())
    assert other.curves["toy-words"].matched
    assert other.wanted == other.curves["toy-words"].reach.value


def test_a_method_that_moves_nothing_sets_no_common_effect(tmp_path):
    plan = BASE.model_copy(update={"methods": ("toy-push", "toy-silent")})
    result, _ = run_tradeoff(Tradeoff(plan, COSTS, levels=2, wanted="toy-silent"), tmp_path, ToyEngine())
    assert result.wanted is None
    assert [curve.matched for curve in result.curves.values()] == [False, False]


def test_a_method_that_does_not_get_that_far_stands_at_its_largest_effect(tmp_path):
    result, _ = run_tradeoff(Tradeoff(BASE, COSTS, levels=2, wanted=50.0), tmp_path, ToyEngine())
    curve = result.curves["toy-push"]
    assert not curve.matched
    assert curve.measured.strength == max(curve.points, key=lambda p: p.effect.value).strength
    assert result.differences == []


def test_matched_methods_are_compared_in_effect_and_on_every_cost(tmp_path):
    plan = BASE.model_copy(update={"methods": ("toy-push", "toy-push+toy-words")})
    result, folder = run_tradeoff(Tradeoff(plan, COSTS, levels=2, wanted=0.5), tmp_path, ToyEngine())
    assert [(d.cost, d.first, d.second) for d in result.differences] == [
        (cost, "toy-push", "toy-push+toy-words") for cost in ("effect", "fluency", "toy")
    ]
    one, two = (result.curves[name].measured for name in plan.methods)
    assert result.differences[0].difference.value == pytest.approx(one.effect.value - two.effect.value)
    assert result.differences[2].difference.value == pytest.approx(one.prices["toy"].value - two.prices["toy"].value)
    assert result.differences[2].difference.n == 4
    assert folder.name.startswith("tradeoff-toy-rated-toy-push-toy-push+toy-words-")


def test_a_result_of_another_schema_is_refused_with_what_to_do(made, tmp_path):
    told = json.loads((made[1] / "tradeoff.json").read_text())
    told["schema_version"] = 1
    (tmp_path / "tradeoff.json").write_text(json.dumps(told))
    with pytest.raises(UserError, match="has schema 1, but this version reads 2; the same `steerbench tradeoff` makes"):
        read_tradeoff(tmp_path)


def test_the_front_holds_the_doses_that_no_other_beats(made):
    result, _, _ = made
    points = {("unsteered", 1.0): (0.0, 0.0)} | {
        (m, p.strength): (p.effect.value, p.prices["toy"].value) for m, c in result.curves.items() for p in c.points
    }
    front = [tuple(dose) for dose in result.fronts["toy"]]
    for dose, (effect, price) in points.items():
        beaten = any(e >= effect and p <= price and (e, p) != (effect, price) for e, p in points.values())
        assert (dose in front) == (not beaten)


def test_the_same_again_asks_nothing_and_one_more_method_asks_only_its_own(made, tmp_path_factory):
    result, folder, out = made
    engine = ToyEngine()
    assert run_tradeoff(ASKED, out, engine) == (result, folder)
    assert engine.asked == []
    fewer = tmp_path_factory.mktemp("fewer")
    run_tradeoff(Tradeoff(BASE.model_copy(update={"methods": ("toy-push",)}), COSTS, 3, 1.0), fewer, ToyEngine())
    runs = {path.name for path in fewer.iterdir()}
    run_tradeoff(
        Tradeoff(BASE.model_copy(update={"methods": ("toy-push", "toy-words")}), COSTS, 3, 1.0), fewer, ToyEngine()
    )
    new = {path.name for path in fewer.iterdir()} - runs
    assert {name.split("-")[2] for name in new if not name.startswith("tradeoff")} <= {"words"} | {"toy"}
    assert len([name for name in new if not name.startswith("tradeoff")]) == 3
    assert {read_result(path).digest for path in fewer.iterdir() if path.name in runs and "tradeoff" not in path.name}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base": BASE.model_copy(update={"task": "toy"})}, "cannot be measured on 'toy'"),
        ({"base": BASE.model_copy(update={"methods": ("unsteered", "toy-push")})}, "leave 'unsteered' out"),
        ({"wanted": "toy-puch"}, "no method in this trade-off called 'toy-puch'"),
        ({"costs": {"toyy": {}}}, "toyy"),
        ({"costs": {"toy": {"limits": 3}}}, "limits"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(change, said):
    with pytest.raises(UserError, match=said):
        Tradeoff(**{"base": BASE, "costs": COSTS, **change})
