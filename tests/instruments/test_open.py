"""What the controls of open answers and of solutions say."""

import pytest

from steerbench.instruments import answers, problems
from steerbench.instruments.answers import Heard
from steerbench.instruments.problems import Solved
from steerbench.records.plan import build_rows, build_task
from steerbench.records.results import MetricRecord


def heard(low, frame="friend"):
    return Heard(frame, "axis", MetricRecord(value=0.5, low=low, high=1.0), MetricRecord(value=0.1))


@pytest.mark.parametrize(("low", "words"), [(0.1, "poles"), (0.0, "nothing"), (None, "nothing")])
def test_a_pole_is_heard_if_the_whole_interval_of_its_separation_is_above_0(low, words):
    assert heard(low).words == words
    assert Heard("bare", "axis", None, None).words == "nothing"


def test_the_conclusion_names_judge_and_frame_or_says_that_no_effect_means_nothing():
    said = list(answers.conclusions([heard(0.1), heard(-0.2, "bare")]))
    assert said == ["A described pole is heard in this model's open answers by axis under friend."]
    assert "no effect there means nothing" in next(answers.conclusions([heard(-0.2)]))
    assert list(answers.conclusions([])) == []


@pytest.mark.parametrize(("low", "words"), [(0.6, "solutions"), (0.5, "nothing"), (None, "nothing")])
def test_solutions_can_be_read_if_clearly_half_of_those_told_are(low, words):
    assert Solved(MetricRecord(value=0.2), MetricRecord(value=0.9, low=low, high=1.0)).words == words


def test_what_a_method_could_spoil_is_what_the_model_gets_right():
    [said] = problems.conclusions(Solved(MetricRecord(value=0.2), MetricRecord(value=0.9, low=0.6, high=1.0)))
    assert "right on 20 %" in said
    [unread] = problems.conclusions(Solved(MetricRecord(value=0.0), MetricRecord(value=0.1, low=0.0, high=0.4)))
    assert "cannot be read" in unread


def test_every_run_is_of_rows_that_exist_and_calibrate_nothing():
    plans = [plan for _, plan in answers.asked({"model": None}, 2)] + [problems.asked({"model": None}, 4)]
    assert [plan.task_parameters.get("frame") for plan in plans] == ["friend", "person", "bare", None]
    for plan in plans:
        rows = build_rows(plan, build_task(plan))
        assert [row.name for row in rows] == list(plan.methods)
        assert all(row.method.strengths[0] == row.method.strengths[1] for row in rows)
