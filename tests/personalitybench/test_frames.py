"""How an open question is put, and what counts as the answer to it."""

import pytest

from steerbench.contracts import Completion, Split, Verdict
from steerbench.errors import UserError
from steerbench.plan import Plan
from steerbench.publishing.checking import problems
from steerbench.publishing.publish import publish
from steerbench.runner import execute, prepare
from steerbench.steering import UNSTEERED, PromptChange, Steering
from tasks.personalitybench.task import PersonalityBench
from tests.models.tiny import tiny_model


def asked(frame, **change):
    task = PersonalityBench(frame=frame, poles="extraversion+")
    [target] = task.targets(Split.CALIBRATION)
    item = task.items(target, Split.CALIBRATION)[0]
    steering = Steering(prompt=PromptChange(**change)) if change else UNSTEERED
    return item, task.request(item, target, steering).prompt


@pytest.mark.parametrize(
    ("frame", "start"), [("bare", ""), ("friend", "Honestly, I"), ("person", ""), ("Tell me: {question} Quickly.", "")]
)
def test_the_question_stands_in_its_frame_and_the_answer_may_be_begun(frame, start):
    item, prompt = asked(frame)
    [(role, turn)] = prompt.messages
    assert role == "user"
    assert item.text in turn
    assert (turn == item.text) == (frame == "bare")
    assert prompt.start == start


def test_what_a_method_says_stands_before_the_frame_as_without_one():
    item, prompt = asked("friend", system="You are lively.")
    assert prompt.messages[0] == ("system", "You are lively.")
    assert prompt.messages[1] == ("user", f"A close friend asks you: {item.text}")


def test_judges_and_metrics_see_the_words_that_an_answer_was_made_to_begin_with():
    task = PersonalityBench(frame="friend", poles="extraversion+")
    [target] = task.targets(Split.CALIBRATION)
    item = task.items(target, Split.CALIBRATION)[0]
    answer = Completion(" love a crowd.", 4, "stop")
    cases = task.cases(item, target, answer, Split.CALIBRATION)
    assert {case.answer for case in cases} == {"Honestly, I love a crowd."}
    assert task.score(item, target, answer).record["words"] == 5
    verdicts = [Verdict(4.0), Verdict(5.0)]
    assert task.rated(item, target, answer, verdicts).record["words"] == 5
    # A row that asks no model was not made to begin with anything.
    assert task.cases(item, target, Completion("Outgoing.", 0, "stop"), Split.CALIBRATION)[0].answer == "Outgoing."


def test_the_frame_is_part_of_what_a_run_is_and_bare_is_as_it_was():
    bare, friend = PersonalityBench().identity(), PersonalityBench(frame="friend").identity()
    assert "frame" not in bare
    assert friend["frame"] == "friend"
    assert friend["wording"] != bare["wording"]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ("freind", "did you mean 'friend'"),
        ("Tell me about it.", "has to hold {question} once"),
        ("{question} {question}", "has to hold {question} once"),
        ("Tell me: {query}", "has to hold {question} once"),
    ],
)
def test_a_frame_that_is_none_is_refused_in_a_sentence(frame, said):
    with pytest.raises(UserError) as refused:
        PersonalityBench(frame=frame)
    assert said in str(refused.value)


def test_a_framed_run_is_published_and_recomputed(tmp_path):
    plan = Plan(
        methods=("simple-prompt",),
        task="personalitybench",
        task_parameters={"poles": "extraversion+", "questions": 1, "max_new_tokens": 6, "frame": "friend"},
        model=str(tiny_model(tmp_path / "tiny")),
        dtype="float32",
        budget=2,
    )
    result = execute(prepare(plan), tmp_path / "run")
    assert result.methods["simple-prompt"].items == 1
    assert problems(publish(tmp_path / "run", tmp_path / "results")) == []
