"""How an open question is put, and what counts as the answer to it."""

import pytest

from steerbench.contracts import Completion, Split, Verdict
from steerbench.contracts.steering import UNSTEERED, PromptChange, Steering
from steerbench.errors import UserError
from steerbench.publishing.checking import problems
from steerbench.publishing.publish import publish
from steerbench.publishing.schema import read_published, write_published
from steerbench.records.plan import Plan, build_task, plan_of_run
from steerbench.records.results import write_result
from steerbench.reports.captions import caption
from steerbench.reports.groups import RunGroup
from steerbench.reports.source import read_source
from steerbench.running.preparing import prepare
from steerbench.running.rejudging import prepare_again, rejudge
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model
from tasks.personalitybench.task import PersonalityBench


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


def test_a_friend_asks_and_published_questions_are_put_to_a_person():
    assert PersonalityBench().identity()["frame"] == "friend"
    assert PersonalityBench(protocol="published").identity()["frame"] == "person"
    assert PersonalityBench(protocol="published", frame="friend").identity()["frame"] == "friend"


def test_the_frame_is_part_of_what_a_run_is_and_bare_is_as_it_was():
    bare, friend = PersonalityBench(frame="bare").identity(), PersonalityBench(frame="friend").identity()
    assert "frame" not in bare
    assert friend["wording"] != bare["wording"]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (None, "asked by a friend"),
        ("bare", "asked bare"),
        ("person", "asked as a person"),
        ("Tell me:\n{question}", "asked as 'Tell me: {question}'"),
    ],
)
def test_a_caption_tells_how_questions_were_put(frame, said):
    assert PersonalityBench(frame=frame).framing == said


def test_a_run_whose_identity_names_no_frame_was_bare_whatever_is_usual_now():
    plan = Plan(methods=("unsteered",), task="personalitybench", task_parameters={"questions": 2})
    bare = PersonalityBench(frame="bare", questions=2).identity()
    assert plan_of_run(plan, bare).task_parameters == {"questions": 2, "frame": "bare"}
    assert build_task(plan_of_run(plan, bare)).identity() == bare
    assert plan_of_run(plan, PersonalityBench(questions=2).identity()) is plan
    told = plan.model_copy(update={"task_parameters": {"frame": "person"}})
    assert plan_of_run(told, bare) is told


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ("freind", "did you mean 'friend'"),
        ("Tell me about it.", "has to contain {question} once"),
        ("{question} {question}", "has to contain {question} once"),
        ("Tell me: {query}", "has to contain {question} once"),
    ],
)
def test_a_frame_that_is_none_is_refused_in_a_sentence(frame, said):
    with pytest.raises(UserError) as refused:
        PersonalityBench(frame=frame)
    assert said in str(refused.value)


@pytest.fixture(scope="module")
def bare_run(tmp_path_factory):
    """A run that was asked bare, and that run as it was written when that was not yet said."""
    folder = tmp_path_factory.mktemp("bare")
    given = {"poles": "extraversion+,extraversion-", "questions": 1, "max_new_tokens": 6}
    plan = Plan(
        methods=("simple-prompt",),
        task="personalitybench",
        task_parameters={**given, "frame": "bare"},
        model=str(tiny_model(folder / "tiny")),
        dtype="float32",
        budget=2,
    )
    result = execute(prepare(plan), folder / "run")
    write_result(result.model_copy(update={"plan": plan.model_copy(update={"task_parameters": given})}), folder / "run")
    return folder / "run", result


def test_an_older_run_is_published_and_rated_again_as_the_bare_one_that_it_was(bare_run, tmp_path):
    folder, result = bare_run
    published = read_published(publish(folder, tmp_path / "results"))
    assert (published.plan.task_parameters["frame"], published.framing) == ("bare", "asked bare")
    assert "--param=personalitybench.frame=bare" in published.command
    again = rejudge(folder, prepare_again(folder, {}, {}), tmp_path / "again")
    assert again.plan.task_parameters["frame"] == "bare"
    assert again.methods == result.methods


def test_a_published_run_that_does_not_tell_its_frame_is_read_as_the_bare_one_that_it_was(bare_run, tmp_path):
    place = publish(bare_run[0], tmp_path / "results")
    published = read_published(place)
    given = {name: value for name, value in published.plan.task_parameters.items() if name != "frame"}
    lacking = published.plan.model_copy(update={"task_parameters": given})
    write_published(published.model_copy(update={"plan": lacking}), place)
    assert read_published(place).plan == published.plan
    assert problems(place) == []


@pytest.mark.parametrize("frame", ["friend", "bare"])
def test_a_run_is_published_and_recomputed_and_its_table_says_how_it_was_asked(frame, tmp_path):
    plan = Plan(
        methods=("simple-prompt",),
        task="personalitybench",
        task_parameters={"poles": "extraversion+", "questions": 1, "max_new_tokens": 6, "frame": frame},
        model=str(tiny_model(tmp_path / "tiny")),
        dtype="float32",
        budget=2,
    )
    result = execute(prepare(plan), tmp_path / "run")
    assert result.methods["simple-prompt"].items == 1
    place = publish(tmp_path / "run", tmp_path / "results")
    assert problems(place) == []
    said = {"friend": "asked by a friend", "bare": "asked bare"}[frame]
    for source in (tmp_path / "run", place):
        assert f", {said}, model " in caption(RunGroup((read_source(source),)), "")
