"""The inventory under poles: what it asks, what it seals, a whole run, and a published one."""

import pytest

from steerbench.contracts import Choice, Split
from steerbench.contracts.steering import UNSTEERED
from steerbench.errors import UserError
from steerbench.publishing.checking import problems
from steerbench.publishing.publish import publish
from steerbench.records.plan import Plan
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model
from tasks.inventory.task import SelfReport


def test_statements_that_tell_a_pole_choose_a_strength_or_measure_are_other_ones():
    task = SelfReport()
    task.unseal()
    target = task.targets(Split.TEST)[0]
    told = {item.id for item in target.items}
    chooses = {item.id for one in task.targets(Split.TEST) for item in task.items(one, Split.CALIBRATION)}
    measures = {item.id for item in task.items(target, Split.TEST)}
    assert told
    assert not told & chooses
    assert not told & measures
    assert not chooses & measures


def test_calibration_asks_of_the_targets_own_traits_with_both_keys_and_the_test_of_all():
    task = SelfReport(poles="extraversion+,openness+neuroticism-")
    task.unseal()
    alone, blend = task.targets(Split.TEST)
    assert {item.trait for item in task.items(alone, Split.CALIBRATION)} == {"E"}
    assert {item.trait for item in task.items(blend, Split.CALIBRATION)} == {"O", "N"}
    assert {item.key for item in task.items(alone, Split.CALIBRATION)} == {1, -1}
    assert {item.trait for item in task.items(alone, Split.TEST)} == set("ACENO")


def test_so_many_statements_of_each_trait_are_of_both_keys():
    task = SelfReport(items=2)
    task.unseal()
    asked = task.items(task.targets(Split.TEST)[0], Split.TEST)
    assert sorted((item.trait, item.key) for item in asked) == sorted((t, k) for t in "ACENO" for k in (1, -1))


def test_what_measures_is_sealed():
    task = SelfReport()
    with pytest.raises(RuntimeError, match="sealed"):
        task.items(task.targets(Split.TEST)[0], Split.TEST)


def test_the_loss_is_the_distance_of_the_expected_score_from_the_pole():
    task = SelfReport(readout="label", poles="extraversion+,extraversion-")
    high, low = task.targets(Split.CALIBRATION)
    by_key = {item.key: item for item in task.items(high, Split.CALIBRATION)}
    certain_of_5 = Choice((-99.0, -99.0, -99.0, -99.0, 0.0))
    assert task.score(by_key[1], high, certain_of_5).loss == pytest.approx(0)
    assert task.score(by_key[1], low, certain_of_5).loss == pytest.approx(4)
    assert task.score(by_key[-1], high, certain_of_5).loss == pytest.approx(4)
    task.unseal()
    other = next(item for item in task.items(high, Split.TEST) if item.trait == "N")
    assert task.score(other, high, certain_of_5).loss is None
    assert task.score(other, high, certain_of_5).unscored == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"dataset": "papi-dark-triad"}, "asks about the Big Five"),
        ({"protocol": "published"}, "has no published protocol"),
        ({"poles": "joy+"}, "no trait 'joy'"),
        ({"items": 0}, "inventory.items is 0"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(given, said):
    with pytest.raises(UserError, match=said):
        SelfReport(**given)


def test_the_usual_readout_takes_out_what_is_said_to_nothing():
    task = SelfReport()
    task.unseal()
    target = task.targets(Split.TEST)[0]
    assert len(task.request(task.items(target, Split.TEST)[0], target, UNSTEERED).neutral) == 3


def test_a_whole_run_is_measured_published_and_recomputed(tmp_path):
    plan = Plan(
        methods=("simple-prompt", "description-prompt", "caa"),
        task="inventory",
        task_parameters={"poles": "extraversion+,extraversion-,neuroticism+,neuroticism-", "items": 2},
        model=str(tiny_model(tmp_path / "tiny")),
        dtype="float32",
        budget=2,
    )
    result = execute(prepare(plan), tmp_path / "run")
    assert {"unsteered", "random-direction"} <= set(result.methods)
    assert result.methods["unsteered"].metrics["separation"].value == pytest.approx(0, abs=1e-4)
    assert result.methods["caa"].items == 4 * 10
    assert result.methods["caa"].standing.over == "statements"
    published = publish(tmp_path / "run", tmp_path / "results")
    assert problems(published) == []
