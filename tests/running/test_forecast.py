"""What a run will ask: counts against the ledgers of real runs, what is missing of one that goes on, the sentence."""

from collections import Counter
from dataclasses import replace

import pytest
from steerbench_crashing import Crash, CrashingEngine
from steerbench_testkit import HELD_OUT, TESTED, ToyEngine

from steerbench.contracts import Split
from steerbench.engines.hf.engine import HFEngine
from steerbench.records.found_ledgers import LEDGER, reading
from steerbench.records.plan import Plan
from steerbench.running.forecast import NOTHING_DONE, Done, RowForecast, done_in, duration, expected, forecast, missing
from steerbench.running.power import opened_task
from steerbench.running.preparing import prepare
from steerbench.running.probe import AnswerSpeed
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model

TOY = Plan(
    methods=("toy-push", "toy-words", "toy-push+toy-words"), task="toy", model="toy-model", engine="toy", budget=4
)
PUBLISHED = {"protocol": "published", "calibration": "grid"}


def counted(plan, engine=None):
    prepared = prepare(plan, engine=engine)
    return prepared, forecast(prepared, opened_task(plan))


def answers(folder):
    with reading(folder / LEDGER) as ledger:
        return Counter(ledger.execute("SELECT method, split FROM samples").fetchall())


def as_counts(rows):
    counts = {(row.name, "calibration"): row.calibration for row in rows}
    counts |= {(row.name, "test"): row.test for row in rows}
    return {key: count for key, count in counts.items() if count}


@pytest.mark.parametrize(
    "plan",
    [
        TOY,
        TOY.model_copy(update={"budget": 2}),
        TOY.model_copy(update={"budget": 9, "calibration": "grid"}),
        TOY.model_copy(update={"strength": 2.0}),
        TOY.model_copy(update=PUBLISHED),
        TOY.model_copy(update={"methods": ("toy-three", "toy-silent"), "trivial": False}),
        TOY.model_copy(update={"task": "toy-rated", "methods": ("toy-push",)}),
        TOY.model_copy(update={"task": "toy-rated", "methods": ("toy-push",), "rule": "best-score"}),
        TOY.model_copy(update={"task": "toy-rated", "methods": ("toy-words",)}),
    ],
    ids=["golden", "least", "grid", "given", "published", "no-search", "rated", "best-score", "rated-words"],
)
def test_the_counts_are_those_of_the_ledger_once_the_run_is_made(tmp_path, plan):
    prepared, rows = counted(plan)
    execute(prepared, tmp_path)
    assert as_counts(rows) == answers(tmp_path)
    assert not any(row.at_most for row in rows)
    # A search may choose strength 0, whose answers are known, and toy-silent does not say that it changes nothing: then
    # the model is asked less.
    asked = len(prepared.engine.asked)
    assert asked <= missing(rows) <= 1.5 * asked + 2 * len(TESTED)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return HFEngine.load(str(tiny_model(tmp_path_factory.mktemp("tiny"))), dtype="float32", device="cpu")


def test_the_counts_are_those_of_a_run_of_pas_few_shot_and_controls_on_people(tmp_path, tiny):
    plan = Plan(
        methods=("pas", "few-shot", "pas+few-shot", "copy", "copy-other"),
        task="papi",
        task_parameters={"respondents": 3},
        method_parameters={"few-shot": {"orders": 2}},
        budget=3,
    )
    prepared, rows = counted(plan, tiny)
    execute(prepared, tmp_path)
    assert as_counts(rows) == answers(tmp_path)
    by_name = {row.name: row for row in rows}
    assert by_name["few-shot"].calibration == 2 * by_name["pas"].calibration / 3
    assert (by_name["copy"].calibration, by_name["copy"].role) == (0, "control")
    assert by_name["unsteered"].asked == by_name["unsteered"].test / 3
    assert by_name["ceiling"].asked == 0 < by_name["ceiling"].test


def test_wordings_that_only_the_model_can_tell_are_counted_as_the_most_that_may_be(tiny):
    plan = Plan(methods=("p2",), task="papi", task_parameters={"respondents": 2}, budget=2, trivial=False)
    prepared, (row,) = counted(plan, tiny)
    assert row.at_most
    task, split = prepared.task, Split.CALIBRATION
    assert row.calibration == 2 * sum(len(task.items(target, split)) for target in task.targets(split)) > 0


def test_counting_leaves_the_runs_own_task_sealed():
    prepared, rows = counted(TOY)
    assert rows
    assert not prepared.task.unsealed
    assert prepared.engine.asked == []


@pytest.mark.parametrize("protocol", [{}, PUBLISHED], ids=["strict", "published"])
def test_of_a_run_that_goes_on_only_what_is_missing_is_counted(tmp_path, protocol):
    plan = TOY.model_copy(update=protocol)
    prepared, rows = counted(plan)
    whole, left = missing(rows), []
    for crash_at in (1, 9, 17):
        folder = tmp_path / str(crash_at)
        with pytest.raises(Crash):
            execute(replace(prepare(plan), engine=CrashingEngine(left=crash_at)), folder)
        left.append(missing(rows, done_in(folder)))
    assert whole > left[0] > left[1] > left[2] > 0
    execute(prepared, tmp_path / "all")
    assert missing(rows, done_in(tmp_path / "all")) == 0
    assert done_in(tmp_path / "nowhere") == NOTHING_DONE
    (tmp_path / "all" / LEDGER).write_bytes(b"no ledger")
    assert done_in(tmp_path / "all") == NOTHING_DONE


def test_a_row_whose_settings_are_frozen_calibrates_no_more():
    row = RowForecast("m", "method", 1, calibration=8, test=5, asked_calibration=8, asked_test=5)
    assert missing([row]) == 13
    assert missing([row], Done({("m", "calibration"): 2})) == 11
    assert missing([row], Done({("m", "calibration"): 2}, frozenset({"m"}))) == 5
    assert missing([row], Done({("m", "test"): 4}, frozenset({"m"}))) == 1


def test_the_expected_time_says_what_it_is_reckoned_from_and_what_it_leaves_out():
    row = RowForecast("m", "method", 12, 4000, 320, 4000, 320)
    assert expected([row], NOTHING_DONE, AnswerSpeed(0.04, 32), judged=False) == (
        "About 3 minutes for 4,320 answers at the speed of 32 plain ones asked now; fitting, steering and longer "
        "prompts come on top."
    )
    assert expected([replace(row, at_most=True)], NOTHING_DONE, AnswerSpeed(2.5, 1, 16, 100), judged=True) == (
        "About 3 hours for at most 4,320 answers at the speed of 1 plain one asked now, each cut at 16 tokens and "
        "extrapolated to 100; fitting, steering, longer prompts and judges come on top."
    )
    begun = Done({("m", "calibration"): 3990})
    assert expected([row], begun, AnswerSpeed(0.1, 4), judged=False).startswith(
        "About 33 seconds for 330 answers that are missing at the speed of 4 plain ones"
    )
    assert expected([row], NOTHING_DONE, None, judged=False) == (
        "4,320 answers; how long they take is not known: no calibration item can be tried."
    )
    done = Done({("m", "test"): 320}, frozenset({"m"}))
    assert expected([row], done, None, judged=False) == "The model has given all its answers."


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "a second"),
        (1.6, "2 seconds"),
        (89, "89 seconds"),
        (91, "2 minutes"),
        (89 * 60, "89 minutes"),
        (2.46 * 3600, "2.5 hours"),
        (30 * 3600, "30 hours"),
        (40 * 3600, "1.7 days"),
    ],
)
def test_a_duration_has_no_more_digits_than_an_expectation(seconds, said):
    assert duration(seconds) == said


def test_the_toys_split_is_what_these_tests_think_it_is():
    assert (len(HELD_OUT), len(TESTED), ToyEngine().token_budget) == (2, 6, 7)
