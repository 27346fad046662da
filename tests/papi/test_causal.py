"""The causal task: what a treatment changes, what is asked of a copy, what its answers are worth, a run end to end."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from steerbench.contracts import Choice, Completion, Scored, Split
from steerbench.contracts.targets import TRAITS, Answer, Item, Others, Respondent
from steerbench.errors import UserError
from steerbench.records.plan import Plan
from steerbench.records.results import MethodResult, RunResult
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model
from tasks.papi.causal import CausalPAPI
from tasks.papi.flags import NO_EFFECT
from tasks.papi.treatment import Treatment, moved, treated, treatments

PLAN = Plan(
    methods=("few-shot", "pas", "trait-mean"),
    method_parameters={"pas": {"heads": 2}},
    task="papi-causal",
    task_parameters={"respondents": 2, "items": 2},
    dtype="float32",
    strength=3.0,
)


@pytest.fixture(scope="module")
def task() -> CausalPAPI:
    task = CausalPAPI(respondents=4)
    task.unseal()
    return task


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def result(model: str, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return execute(prepare(PLAN.model_copy(update={"model": model})), tmp_path_factory.mktemp("run"))


def item(name: str, trait: str, key: int) -> Item:
    return Item(name, f"Statement {name}.", f"Your statement {name}.", trait, "", key)


def somebody(*answers: tuple[str, int, int]) -> Respondent:
    """Shown answers by trait, key and tick."""
    shown = tuple(Answer(item(f"s{n}", t, k), tick) for n, (t, k, tick) in enumerate(answers))
    return Respondent("p", shown, Others((shown[0].item,), np.array([[2]])))


# -- treatments


@pytest.mark.parametrize(
    ("key", "dose", "ticks"),
    [
        (1, 1, {1: 2, 2: 3, 3: 4, 4: 5, 5: 5}),
        (1, -1, {1: 1, 2: 1, 3: 2, 4: 3, 5: 4}),
        (-1, 1, {1: 1, 2: 1, 3: 2, 4: 3, 5: 4}),
        (-1, -1, {1: 2, 2: 3, 3: 4, 4: 5, 5: 5}),
    ],
)
def test_a_dose_moves_the_score_and_stays_within_the_scale(key: int, dose: int, ticks: dict[int, int]) -> None:
    assert {tick: moved(item("x", "E", key), tick, dose) for tick in ticks} == ticks


def test_a_copy_differs_from_its_person_in_the_treated_trait_alone_and_names_its_origin() -> None:
    person = somebody(("E", 1, 3), ("N", 1, 3), ("E", -1, 3), ("A", -1, 2))
    copy = treated(person, "E", 1)
    assert [answer.tick for answer in copy.shown] == [4, 3, 2, 2]
    assert [answer.item for answer in copy.shown] == [answer.item for answer in person.shown]
    assert (copy.id, copy.origin, copy.others) == ("p E+1", "p", person.others)
    assert treated(person, "N", -1).id == "p N-1"


def test_points_are_what_the_end_of_the_scale_leaves_of_a_dose() -> None:
    person = somebody(("E", 1, 5), ("E", -1, 1), ("E", 1, 4), ("E", 1, 2), ("N", 1, 1))
    made = {(t.trait, t.dose): t for _, t in treatments(person)}
    assert made["E", 1] == Treatment("p", "E", 1, points=0.5)
    assert made["E", -1] == Treatment("p", "E", -1, points=1.0)


def test_a_copy_that_would_equal_its_person_is_not_made() -> None:
    person = somebody(("E", 1, 5), ("E", -1, 1), ("N", 1, 1))
    # Nothing is shown of the other traits; extraversion is at its top and neuroticism at its bottom.
    assert [(t.trait, t.dose) for _, t in treatments(person)] == [("E", -1), ("N", 1)]


# -- what is asked, and what an answer is worth


def test_people_come_before_their_copies_and_nothing_is_held_out(task: CausalPAPI) -> None:
    targets = task.targets(Split.TEST)
    assert task.targets(Split.CALIBRATION) is targets
    assert [t.id for t in targets[:5]] == ["sim-01", "sim-02", "sim-03", "sim-04", "sim-01 A-1"]
    assert len({t.id for t in targets}) == len(targets) == 4 * 11
    assert all(t.origin == t.id.split(" ")[0] for t in targets[4:])


def test_a_copy_is_asked_what_its_person_is_asked_and_none_calibrates(task: CausalPAPI) -> None:
    targets = {t.id: t for t in task.targets(Split.TEST)}
    for target in targets.values():
        origin = targets[target.origin or target.id]
        assert task.items(target, Split.TEST) == task.items(origin, Split.TEST)
        assert task.items(target, Split.CALIBRATION) == []


@pytest.mark.parametrize(("per_trait", "keyed_up"), [(1, 1), (2, 1), (3, 2), (4, 2)])
def test_fewer_items_are_so_many_of_each_trait_with_both_keys_in_turn(per_trait: int, keyed_up: int) -> None:
    few = CausalPAPI(respondents=1, items=per_trait)
    asked = few.items(few.targets(Split.TEST)[0], Split.TEST)
    found = {(t, k): sum(i.trait == t and i.key == k for i in asked) for t, k in product(TRAITS, (1, -1))}
    assert found == {(t, k): keyed_up if k == 1 else per_trait - keyed_up for t, k in product(TRAITS, (1, -1))}


def test_a_copy_is_expected_to_tick_what_its_person_would_with_the_score_moved(task: CausalPAPI) -> None:
    targets = {t.id: t for t in task.targets(Split.TEST)}
    compared = 0
    for target in targets.values():
        for asked in task.items(target, Split.TEST):
            own = task.score(asked, targets[target.origin or target.id], 3.0)
            score = task.score(asked, target, 1.0)
            tick = own.record["tick"]
            if target.id[-3:-2] == asked.trait and target.origin:
                up = (target.id[-2:] == "+1") == (asked.key == 1)
                tick = min(tick + 1, 5) if up else max(tick - 1, 1)
                compared += 1
            assert score.record["tick"] == tick
            assert score.loss == abs(1 - tick)
    assert compared > 200


def test_an_unreadable_answer_counts_as_the_middle_beside_the_moved_tick() -> None:
    task = CausalPAPI(readout="generate", respondents=1)
    task.unseal()
    copy = next(t for t in task.targets(Split.TEST) if t.id == "sim-01 E+1")
    asked = next(i for i in task.items(copy, Split.TEST) if i.trait == "E")
    score = task.score(asked, copy, Completion(" I would rather not", 5, "stop"))
    assert score.unscored
    assert score.record["expected"] is None
    assert score.loss == abs(3 - score.record["tick"])


def test_a_measuring_answer_is_sealed_for_copies_too() -> None:
    task = CausalPAPI(respondents=1)
    copy = task.targets(Split.TEST)[-1]
    with pytest.raises(RuntimeError, match="sealed"):
        task.score(task.items(copy, Split.TEST)[0], copy, Choice((0.0, -9.0, -9.0, -9.0, -9.0)))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match=r"papi-causal\.items is 0"):
        CausalPAPI(items=0)
    with pytest.raises(UserError, match="published"):
        CausalPAPI(protocol="published")


def test_the_identity_changes_with_the_items() -> None:
    assert CausalPAPI(items=2).identity() != CausalPAPI().identity()


# -- rows made up by hand


def test_answers_that_follow_the_shown_scores_by_half_have_half_the_effect_that_arrived(task: CausalPAPI) -> None:
    rows = []
    for target in task.targets(Split.TEST):
        for asked in task.items(target, Split.TEST):
            scores = [a.item.keyed(a.tick) for a in target.shown if a.item.trait == asked.trait]
            answer = asked.keyed(3 + 0.5 * (sum(scores) / len(scores) - 3))
            rows.append(Scored(target.id, asked.id, task.score(asked, target, answer)))
    metrics = task.summarise({"half": rows}, 0).metrics["half"]
    assert metrics["points added"].value < 0.95
    assert metrics["effect"].value == pytest.approx(0.5 * metrics["points added"].value)
    assert metrics["spill-over"].value == pytest.approx(0)
    assert metrics["size of spill-over"].value == pytest.approx(0)


def test_a_constant_has_no_effect_at_all(task: CausalPAPI) -> None:
    rows = [
        Scored(target.id, asked.id, task.score(asked, target, 4.0))
        for target in task.targets(Split.TEST)
        for asked in task.items(target, Split.TEST)
    ]
    summary = task.summarise({"always-4": rows}, 0)
    effects = [m for name, m in summary.metrics["always-4"].items() if name.startswith(("effect", "spill", "size"))]
    assert len(effects) == 1 + 5 + 2 + 1 + 20 + 1
    assert {(m.value, m.low or 0.0, m.high or 0.0) for m in effects} == {(0.0, 0.0, 0.0)}
    assert NO_EFFECT() in summary.flags["always-4"]


# -- a run


def row(result: RunResult, name: str) -> MethodResult:
    return result.methods[name]


def test_a_run_measures_every_row_and_the_unsteered_model_moves_by_exactly_nothing(result: RunResult) -> None:
    assert set(result.methods) == {"few-shot", "pas", "trait-mean", "unsteered", "random-direction"}
    assert {r.items for r in result.methods.values()} == {22 * 10}
    for name, metric in row(result, "unsteered").metrics.items():
        if name.startswith(("effect", "spill-over", "size")):
            assert (metric.value, metric.low or 0.0, metric.high or 0.0) == (0.0, 0.0, 0.0)
    for name in ("few-shot", "pas", "random-direction"):
        assert row(result, name).metrics["spill-over E on N"].value != 0
    assert result.higher_is_better


def test_a_run_sets_each_method_beside_the_unsteered_model_and_the_placebo(result: RunResult) -> None:
    few_shot, placebo = row(result, "few-shot"), row(result, "random-direction")
    assert [c.against for c in few_shot.comparisons] == ["unsteered", "random-direction"]
    effect = few_shot.metrics["effect"].value
    assert few_shot.comparisons[0].difference == pytest.approx(-effect)
    assert few_shot.metrics["beyond placebo"].value == pytest.approx(effect - placebo.metrics["effect"].value)
    assert placebo.comparisons == []
    assert placebo.flags == []


def test_answering_with_the_mean_of_ones_scores_moves_by_about_the_points_that_arrived(result: RunResult) -> None:
    # Means are rounded to a tick, so that single copies move by more or by less.
    metrics = row(result, "trait-mean").metrics
    assert metrics["effect"].value == pytest.approx(metrics["points added"].value, abs=0.2)
    assert metrics["spill-over"].value == 0


def test_a_copy_and_the_placebo_have_the_strength_that_was_chosen_for_the_person(model: str, tmp_path: Path) -> None:
    chosen = {"sim-01": 1.5, "sim-02": 4.0}
    plan = PLAN.model_copy(update={"methods": ("pas",), "model": model, "strength": None, "strengths": {"pas": chosen}})
    result = execute(prepare(plan), tmp_path)
    expected = {t.id: chosen[t.origin or t.id] for t in CausalPAPI(respondents=2).targets(Split.TEST)}
    assert row(result, "pas").strengths == expected
    assert row(result, "random-direction").strengths == expected


@pytest.mark.real_data
def test_the_published_people_have_copies_of_every_trait_and_dose() -> None:
    task = CausalPAPI("papi-300", respondents=3)
    assert len(task.targets(Split.TEST)) == 3 * 11
    assert task.targets(Split.TEST)[-1].others is task.targets(Split.TEST)[2].others


@pytest.mark.real_data
def test_an_inventory_of_other_traits_is_refused():
    with pytest.raises(UserError, match="changes Big Five scores, but 'papi-dark-triad' asks about machiavellianism"):
        CausalPAPI("papi-dark-triad")
