"""The PAPI task: what it shows, what it seals, how it scores."""

from dataclasses import replace
from typing import Literal

import pytest

from steerbench.contracts import Choice, Completion, Scored, Split
from steerbench.contracts.steering import Steering
from steerbench.errors import UserError
from steerbench.plugins.finding import find
from steerbench.running.evaluation import OVERFLOWED
from steerbench.running.losses import target_losses
from tasks.papi.dataset import load
from tasks.papi.task import PAPI


def test_held_out_answers_are_not_shown_while_calibrating_and_are_afterwards() -> None:
    task = PAPI()
    for before, after in zip(task.targets(Split.CALIBRATION), task.targets(Split.TEST), strict=True):
        held_out = {item.id for item in task.items(before, Split.CALIBRATION)}
        shown = {answer.item.id for answer in before.shown}
        assert held_out
        assert not held_out & shown
        assert held_out | shown == {answer.item.id for answer in after.shown}


def test_no_measuring_item_is_ever_shown() -> None:
    task = PAPI()
    for target in task.targets(Split.TEST):
        assert not {i.id for i in task.items(target, Split.TEST)} & {a.item.id for a in target.shown}


def test_every_trait_is_held_out_alike() -> None:
    task = PAPI()
    target = task.targets(Split.CALIBRATION)[0]
    traits = sorted(item.trait for item in task.items(target, Split.CALIBRATION))
    assert traits == sorted("AACCEENNOO")


def test_a_measuring_answer_is_sealed_until_told_otherwise() -> None:
    task = PAPI()
    target = task.targets(Split.TEST)[0]
    item = task.items(target, Split.TEST)[0]
    with pytest.raises(RuntimeError, match="sealed"):
        task.score(item, target, 3.0)
    task.unseal()
    tick = {p.id: p for p in load().people}[target.id].answers[item.id]
    assert task.score(item, target, 3.0).loss == abs(3 - tick)


@pytest.mark.parametrize(("reply", "answer"), [(3.4, 3), (3.6, 4), (1.5, 2), (2.5, 2), (3.5, 4), (4.5, 4)])
def test_a_reply_without_a_model_is_expected_and_the_nearest_tick_is_its_answer(reply: float, answer: int) -> None:
    task = PAPI()
    target = task.targets(Split.CALIBRATION)[0]
    score = task.score(task.items(target, Split.CALIBRATION)[0], target, reply)
    assert (score.record["answer"], score.record["expected"]) == (answer, reply)
    assert score.loss == abs(answer - score.record["tick"])


def test_a_calibration_answer_is_never_sealed() -> None:
    task = PAPI()
    target = task.targets(Split.CALIBRATION)[0]
    item = task.items(target, Split.CALIBRATION)[0]
    assert task.score(item, target, Choice((0.0, -9.0, -9.0, -9.0, -9.0))).record["answer"] == 1


def test_an_unreadable_answer_counts_as_the_middle_and_says_so() -> None:
    task = PAPI(readout="generate")
    task.unseal()
    target = task.targets(Split.TEST)[0]
    item = task.items(target, Split.TEST)[0]
    score = task.score(item, target, Completion(" I would rather not", 5, "stop"))
    assert score.unscored
    assert score.record["answer"] is None
    assert score.loss == abs(3 - score.record["tick"])


def test_published_shows_and_scores_the_stored_values() -> None:
    strict, published = PAPI(), PAPI(protocol="published")
    theirs = {a.item.id: a for a in published.targets(Split.TEST)[0].shown}
    for answer in strict.targets(Split.TEST)[0].shown:
        assert theirs[answer.item.id].tick == answer.item.keyed(answer.tick)
    assert published.deviations
    assert not strict.deviations


def test_the_identity_changes_with_data_readout_and_number_of_respondents() -> None:
    identities = [PAPI().identity(), PAPI(readout="letter").identity(), PAPI(respondents=3).identity()]
    assert len({tuple(sorted(i.items())) for i in identities}) == 3


def test_the_request_says_what_the_steering_wants_said() -> None:
    task = PAPI()
    target = task.targets(Split.TEST)[0]
    item = task.items(target, Split.TEST)[0]
    assert task.request(item, target, Steering()).options[4] == " Very Accurate"


def test_a_holdout_outside_its_range_is_refused() -> None:
    with pytest.raises(UserError, match="holdout"):
        PAPI(holdout=1.0)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("protocol", "errors"),
    [
        ("strict", {"always-1": 10.49, "always-2": 5.92, "always-3": 3.79, "always-4": 4.97, "trait-mean": 2.86}),
        ("published", {"always-3": 3.79, "trait-mean": 2.86}),
    ],
)
def test_the_trivial_methods_have_their_known_errors_on_the_published_people(
    protocol: Literal["strict", "published"], errors: dict[str, float]
) -> None:
    task = PAPI("papi-300", protocol=protocol)
    task.unseal()
    targets, rows = task.targets(Split.TEST), {}
    for name in errors:
        fits = find("method", name)().fit(None, targets)
        rows[name] = [
            Scored(target.id, item.id, task.score(item, target, float(fitted.reply.tick(item))))
            for target, fitted in zip(targets, fits, strict=True)
            for item in task.items(target, Split.TEST)
        ]
    found = task.summarise(rows, 0).metrics
    # Missing answers are scored as 0 when published, which moves the second decimal.
    tolerance = 0.005 if protocol == "strict" else 0.02
    assert {name: found[name]["error"].value for name in errors} == pytest.approx(errors, abs=tolerance)


@pytest.mark.parametrize("protocol", ["strict", "published"])
def test_a_setting_is_worth_its_mean_error_and_when_published_the_sum_of_the_traits_means_over_readable_answers(
    protocol: Literal["strict", "published"],
) -> None:
    task = PAPI(readout="generate", protocol=protocol)
    task.unseal()
    target = task.targets(Split.TEST)[0]
    said = (" (A)", " (C)", " well", " (E)", "")
    scored = [
        Scored(target.id, item.id, task.score(item, target, Completion(said[place % 5], 3, "stop")))
        for place, item in enumerate(task.items(target, Split.TEST))
    ]
    errors: dict[str, list[float]] = {}
    imputed = []
    for one in scored:
        record = one.score.record
        imputed.append(abs((record["answer"] or 3) - record["tick"]))
        errors.setdefault(record["trait"], [])
        if record["answer"] is not None:
            errors[record["trait"]].append(abs(record["answer"] - record["tick"]))
    assert sum(map(len, errors.values())) < len(scored)
    if protocol == "strict":
        expected = sum(imputed) / len(imputed)
    else:
        expected = sum(sum(of_trait) / len(of_trait) for of_trait in errors.values())
        assert {one.score.loss is None for one in scored if one.score.record["answer"] is None} == {True}
    assert target_losses({target.id: scored}, task) == {target.id: pytest.approx(expected)}
    one_trait = [one for one in scored if one.score.record["trait"] != "N" or one.score.record["answer"] is None]
    assert (target_losses({target.id: one_trait}, task)[target.id] is None) is (protocol == "published")
    gone = [*scored, replace(scored[0], score=replace(scored[0].score, loss=None, unscored=OVERFLOWED))]
    assert target_losses({target.id: gone}, task) == {target.id: None}


def test_a_published_run_leaves_out_what_that_code_shows_as_unknown_and_says_so() -> None:
    task = PAPI(protocol="published")
    assert any("shows them as unknown" in told for told in task.deviations)
    assert any("twelve characters" in told for told in task.deviations)
    assert not any("twelve characters" in told for told in PAPI(protocol="published", readout="label").deviations)
