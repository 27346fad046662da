"""The PersonalityBench task: what it asks, what judges are shown, what an answer is worth."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steerbench.bank.statements import read_statements
from steerbench.contracts import PENDING, Case, Choice, Completion, Judged, Scored, Split, Verdict
from steerbench.contracts.steering import UNSTEERED, PromptChange, Steering
from steerbench.contracts.targets import TRAITS, Answer, Respondent, Target, TraitPole
from steerbench.contracts.thoughts import UNFINISHED
from steerbench.errors import UserError
from steerbench.plugins.finding import find
from tasks.personalitybench.frames import FRAMES
from tasks.personalitybench.repetition import distinct, words
from tasks.personalitybench.task import PersonalityBench

SAID = Completion("I go home. I go home, then I don't sleep.", 14, "length")


def target_of(task: PersonalityBench, name: str) -> Target:
    return next(target for target in task.targets(Split.TEST) if target.id == name)


def unsealed(**parameters: object) -> PersonalityBench:
    task = PersonalityBench(**parameters)  # type: ignore[arg-type]
    task.unseal()
    return task


def verdicts(*ratings: float | None) -> list[Verdict]:
    return [Verdict(rating, "" if rating is not None else f"no rating {place}") for place, rating in enumerate(ratings)]


def test_all_ten_poles_are_measured_by_their_traits_questions() -> None:
    task = unsealed()
    assert [target.id for target in task.targets(Split.TEST)] == [f"{t}{end}" for t in TRAITS.values() for end in "+-"]
    for target in task.targets(Split.TEST):
        assert isinstance(target, TraitPole)
        for split, count in ((Split.TEST, 12), (Split.CALIBRATION, 6)):
            assert [item.trait for item in task.items(target, split)] == [target.trait] * count


def test_a_pole_is_told_by_the_statements_of_its_trait_the_same_on_both_splits() -> None:
    task = PersonalityBench()
    assert len(task.statements()) == 60
    assert task.targets(Split.TEST) == task.targets(Split.CALIBRATION)
    pole = target_of(task, "openness-")
    assert [item.id for item in pole.leanings()] == [item.id for item, _ in read_statements() if item.trait == "O"]  # type: ignore[union-attr]


def test_the_questions_that_measure_are_sealed_and_are_not_those_that_calibrate() -> None:
    task = PersonalityBench()
    for target in task.targets(Split.CALIBRATION):
        calibrating = {item.text for item in task.items(target, Split.CALIBRATION)}
        with pytest.raises(RuntimeError, match="sealed"):
            task.items(target, Split.TEST)
        assert not calibrating & {item.text for item in unsealed().items(target, Split.TEST)}


def test_a_limit_holds_on_both_splits_and_spreads_over_the_facets() -> None:
    task = unsealed(questions=6)
    for target in task.targets(Split.TEST):
        assert len({item.facet for item in task.items(target, Split.TEST)}) == 6
        assert len(task.items(target, Split.CALIBRATION)) == 6
    assert len(unsealed(questions=2).items(target, Split.CALIBRATION)) == 2


def test_poles_and_blends_are_taken_by_name() -> None:
    task = unsealed(poles="E+, neuroticism-,extraversion+openness-")
    assert [target.id for target in task.targets(Split.TEST)] == [
        "extraversion+",
        "neuroticism-",
        "extraversion+openness-",
    ]
    blend = target_of(task, "extraversion+openness-")
    assert {item.trait for item in task.items(blend, Split.TEST)} == {"E", "O"}
    assert len(task.items(blend, Split.TEST)) == 24


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"poles": "extraversion"}, "has no end"),
        ({"poles": "extrversion+"}, "did you mean 'extraversion'"),
        ({"poles": "E+E-"}, "names a trait twice"),
        ({"poles": " , "}, "is empty or has an empty entry"),
        ({"poles": "E+,extraversion+"}, r"names extraversion\+ twice"),
        ({"questions": 0}, "questions is 0"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"repetition_penalty": 0.0}, "repetition_penalty is 0.0"),
        ({"repetition_penalty": float("nan")}, "repetition_penalty is nan"),
        ({"dataset": "bnk"}, "did you mean 'bank'"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters: dict[str, object], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        PersonalityBench(**parameters)  # type: ignore[arg-type]


def test_a_file_that_lacks_a_trait_or_repeats_a_calibration_question_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"trait": "E", "question": "A party?"}\n', encoding="utf-8")
    with pytest.raises(UserError, match="no test question on agreeableness"):
        PersonalityBench(str(path))
    assert len(
        unsealed(dataset=str(path), poles="E+,E-").items(target_of(PersonalityBench(), "extraversion+"), Split.TEST)
    )
    repeated = next(
        i for i in PersonalityBench().items(target_of(PersonalityBench(), "extraversion+"), Split.CALIBRATION)
    )
    path.write_text(f'{{"trait": "E", "question": "{repeated.text}"}}\n', encoding="utf-8")
    with pytest.raises(UserError, match="is also for calibration"):
        PersonalityBench(str(path), poles="E+")


def test_the_question_is_the_users_turn_and_the_steerings_words_are_the_systems() -> None:
    task = unsealed(frame="bare")
    target = target_of(task, "extraversion+")
    item = task.items(target, Split.TEST)[0]
    plain = task.request(item, target, Steering())
    assert plain.prompt.messages == (("user", item.text),)
    assert plain.options == ()
    statement = task.statements()[0]
    change = PromptChange("You are kind.", (Answer(statement, 5),))
    (role, system), user = task.request(item, target, Steering(prompt=change)).prompt.messages
    assert (role, user) == ("system", ("user", item.text))
    assert system.startswith("You are kind.\n\n")
    assert system.endswith(f"\n{statement.bare}: Very Accurate")


def test_answers_are_greedy_with_a_repetition_penalty_and_of_the_length_asked_for() -> None:
    sampling = PersonalityBench(max_new_tokens=7).sampling
    assert (sampling.max_new_tokens, sampling.temperature, sampling.repetition_penalty) == (7, 0.0, 1.1)


def test_an_answer_waits_for_its_judges() -> None:
    task = unsealed()
    assert isinstance(task, Judged)
    target = target_of(task, "extraversion+")
    score = task.score(task.items(target, Split.TEST)[0], target, SAID)
    assert (score.loss, score.unscored, score.cost) == (None, PENDING, None)


@pytest.mark.parametrize("outcome", [3.0, Choice((0.0, -1.0))])
def test_what_is_no_text_is_refused(outcome: float | Choice) -> None:
    task = unsealed()
    target = target_of(task, "extraversion+")
    with pytest.raises(UserError, match="free text"):
        task.score(task.items(target, Split.TEST)[0], target, outcome)


def test_answers_that_measure_are_rated_on_all_traits_and_calibrating_ones_on_their_own() -> None:
    task = unsealed(frame="bare")
    target = target_of(task, "neuroticism-")
    item = task.items(target, Split.TEST)[0]
    cases = task.cases(item, target, SAID, Split.TEST)
    assert [(case.role, case.quality) for case in cases] == [
        ("trait", "neuroticism"),
        ("trait", "agreeableness"),
        ("trait", "conscientiousness"),
        ("trait", "extraversion"),
        ("trait", "openness"),
        ("fluency", "fluency"),
    ]
    assert {(case.question, case.answer) for case in cases} == {(item.text, SAID.text)}
    assert task.cases(item, target, SAID, Split.CALIBRATION) == cases, "published runs calibrate on what measures"
    own = [Case("trait", "neuroticism", item.text, SAID.text), Case("fluency", "fluency", item.text, SAID.text)]
    calibrating = task.items(target, Split.CALIBRATION)[0]
    asked = task.cases(calibrating, target, SAID, Split.CALIBRATION)
    assert asked == [replace(case, question=calibrating.text) for case in own]
    assert unsealed(frame="bare", off_target=False).cases(item, target, SAID, Split.TEST) == own
    assert {case.role for case in cases} == set(task.judges)


@pytest.mark.parametrize(("name", "loss"), [("neuroticism+", 5 - 4.5), ("neuroticism-", 5 - (6 - 4.5))])
def test_the_loss_is_the_distance_from_the_pole_and_the_cost_that_from_full_fluency(name: str, loss: float) -> None:
    task = unsealed(frame="bare")
    target = target_of(task, name)
    item = task.items(target, Split.TEST)[0]
    score = task.rated(item, target, SAID, verdicts(4.5, 1.0, 2.0, 3.0, None, 3.5))
    assert (score.loss, score.cost, score.unscored) == (loss, 1.5, "")
    assert score.record == {
        "trait": "N",
        "facet": item.facet,
        "high": name.endswith("+"),
        "steered": ["N"],
        "ratings": {"N": 4.5, "A": 1.0, "C": 2.0, "E": 3.0, "O": None},
        "fluency": 3.5,
        "fluency_unscored": "",
        "tokens": 14,
        "finish": "length",
        "words": 10,
        "as_ai": False,
        "distinct_1": 6 / 10,
        "distinct_2": 7 / 9,
        "distinct_3": 7 / 8,
    }
    calibrated = task.rated(item, target, SAID, verdicts(4.5, 3.5))
    assert (calibrated.loss, calibrated.record["ratings"]) == (loss, {"N": 4.5})


def test_an_answer_that_never_left_its_thoughts_has_no_words_and_waits_for_no_judge() -> None:
    task = unsealed()
    target = target_of(task, "neuroticism+")
    item = task.items(target, Split.TEST)[0]
    score = task.score(item, target, Completion("", 100, "thinking", thoughts="How would I feel?"))
    assert (score.loss, score.unscored) == (None, UNFINISHED)
    assert (score.record["finish"], score.record["words"], score.record["tokens"]) == ("thinking", None, 100)
    assert [score.record[f"distinct_{n}"] for n in (1, 2, 3)] == [None] * 3


def test_an_answer_without_a_rating_is_unscored_and_one_without_fluency_only_has_no_cost() -> None:
    task = unsealed()
    target = target_of(task, "neuroticism-")
    item = task.items(target, Split.TEST)[0]
    unscored = task.rated(item, target, SAID, verdicts(None, 2.0))
    assert (unscored.loss, unscored.unscored, unscored.cost) == (None, "no rating 0", 3.0)
    scored = task.rated(item, target, SAID, verdicts(2.0, None))
    assert (scored.loss, scored.unscored, scored.cost) == (1.0, "", None)
    assert scored.record["fluency_unscored"] == "no rating 1"


def test_a_blends_answer_counts_towards_the_pole_of_its_questions_trait() -> None:
    task = unsealed(poles="extraversion+openness-")
    (target,) = task.targets(Split.TEST)
    by_trait = {item.trait: item for item in task.items(target, Split.TEST)}
    losses = {trait: task.rated(item, target, SAID, verdicts(5.0, 5.0)).loss for trait, item in by_trait.items()}
    assert losses == {"E": 0.0, "O": 4.0}
    assert task.rated(by_trait["E"], target, SAID, verdicts(5.0, 5.0)).record["steered"] == ["E", "O"]


def test_a_respondent_is_refused() -> None:
    with pytest.raises(UserError, match="not respondents"):
        unsealed().items(Respondent("somebody", ()), Split.TEST)


def test_the_identity_changes_with_everything_that_changes_answers_or_ratings(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    identities = [PersonalityBench().identity()]
    for text in ("A party?", "A crowd?"):
        path.write_text(f'{{"trait": "E", "question": "{text}"}}\n', encoding="utf-8")
        identities.append(PersonalityBench(str(path), poles="E+").identity())
    identities += [
        PersonalityBench(poles="E+").identity(),
        PersonalityBench(questions=3).identity(),
        PersonalityBench(max_new_tokens=99).identity(),
        PersonalityBench(off_target=False).identity(),
        PersonalityBench(repetition_penalty=1.2).identity(),
        PersonalityBench(fluency_question=False).identity(),
        PersonalityBench(frame="bare").identity(),
        PersonalityBench(frame="person").identity(),
        PersonalityBench(protocol="published").identity(),
    ]
    assert len({tuple(sorted(identity.items())) for identity in identities}) == len(identities)
    assert not any(str(tmp_path) in value for identity in identities for value in identity.values())


PUBLISHED = {"frame": "person", "max_new_tokens": 400, "repetition_penalty": 1.15, "fluency_question": False}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_run_asks_as_that_code_does_and_each_part_of_it_can_be_had_by_itself(name: str) -> None:
    """As a real person, answers of 400 tokens under a penalty of 1.15, their fluency judged without the question."""

    def asked(**parameters: object) -> dict[str, object]:
        task = unsealed(**parameters)
        target = target_of(task, "extraversion+")
        item = task.items(target, Split.TEST)[0]
        *traits, fluency = task.cases(item, target, SAID, Split.TEST)
        assert {case.question for case in traits} == {item.text}
        assert fluency.question in (item.text, "")
        sampling = task.sampling
        [(_, turn)] = task.request(item, target, UNSTEERED).prompt.messages
        return {
            "frame": next(name for name, frame in FRAMES.items() if frame.asked(item.text) == turn),
            "max_new_tokens": sampling.max_new_tokens,
            "repetition_penalty": sampling.repetition_penalty,
            "fluency_question": bool(fluency.question),
        }

    strict = {"frame": "friend", "max_new_tokens": 100, "repetition_penalty": 1.1, "fluency_question": True}
    assert asked() == strict
    assert asked(protocol="published") == PUBLISHED
    assert asked(**{name: PUBLISHED[name]}) == strict | {name: PUBLISHED[name]}
    assert asked(protocol="published", **{name: strict[name]}) == PUBLISHED | {name: strict[name]}
    told = PersonalityBench(protocol="published", **{name: strict[name]}).deviations  # type: ignore[arg-type]
    assert len(told) == len(PersonalityBench(protocol="published").deviations) + 1


def test_a_published_run_says_where_it_is_not_the_published_one() -> None:
    assert PersonalityBench().deviations == ()
    assert "the questions are not the published ones" in PersonalityBench(protocol="published").deviations
    given: dict[str, Any] = {"max_new_tokens": 60, "repetition_penalty": 1.3, "fluency_question": True, "frame": "bare"}
    own = PersonalityBench(protocol="published", **given)
    assert {
        "questions are put in the frame 'bare', not as 'person'",
        "answers are cut at 60 tokens, not at 400",
        "the repetition penalty is 1.3, not 1.15",
        "the judge of the fluency is shown the question",
    } < set(own.deviations)


def test_the_trivial_rows_reply_with_text_and_make_a_board() -> None:
    """A judge that counts a pole's adjectives would give fixed-text full marks and an echo the middle."""
    task = unsealed(questions=3)
    rows = {}
    for name in ("echo", "fixed-text"):
        fits = find("method", name)().fit(None, task.targets(Split.TEST))
        rows[name] = []
        for target, fitted in zip(task.targets(Split.TEST), fits, strict=True):
            for item in task.items(target, Split.TEST):
                answer = Completion(fitted.reply.said(item), 1, "stop")
                own = 3.0 if name == "echo" else 5.0 if target.high else 1.0  # type: ignore[union-attr]
                rated = task.rated(item, target, answer, verdicts(own, 3.0, 3.0, 3.0, 3.0, 5.0))
                rows[name].append(Scored(target.id, item.id, rated))
    metrics = task.summarise(rows, 0).metrics
    assert metrics["fixed-text"]["trait score"].value == pytest.approx(10)
    assert math.isnan(metrics["fixed-text"]["separation d"].value), "4 on every question: that has no spread"
    assert metrics["echo"]["separation d"].value == 0
    assert metrics["echo"]["trait score"].value == pytest.approx(6)
    assert metrics["echo"]["off-target"].value == 0
    assert set(rows) <= set(task.baselines)


def test_words_are_counted_without_case_or_punctuation() -> None:
    assert words("Don't STOP, don't \u2014 the dog\u2019s 2 toys!") == [
        "don't",
        "stop",
        "don't",
        "the",
        "dog\u2019s",
        "2",
        "toys",
    ]
    assert distinct(["a", "b", "a", "b", "a"], 2) == 2 / 4
    assert distinct(["a"], 2) is None
    assert distinct([], 1) is None


def test_an_answer_that_speaks_as_an_ai_is_known_with_the_words_that_it_was_made_to_begin_with() -> None:
    task = unsealed(questions=1)
    target = target_of(task, "extraversion+")
    item = task.items(target, Split.TEST)[0]

    def found(text: str, finish: str = "stop") -> object:
        return task.score(item, target, Completion(text, 3, finish)).record["as_ai"]

    assert found("'m just an AI, and AIs have no weekends.") is True
    assert found("'m sorry to hear that.") is False
    assert found("", "thinking") is None
    assert task.rated(item, target, Completion("'m an AI.", 3, "stop"), verdicts(3.0, 3.0)).record["as_ai"] is True
