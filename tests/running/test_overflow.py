"""Steerings that overflow, in the harness: the row is marked, nothing is gained by it, and the run goes on."""

import json
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from steerbench_testkit import GREEDY, ITEMS, RatedTask, ToyEngine, ToyJudge, ToyTask

from steerbench.contracts import PENDING, Choice, Completion, Prompt, Request, Sampling, Score, Scored, Summary, Task
from steerbench.records.export import read_samples
from steerbench.records.found_ledgers import LEDGER
from steerbench.records.plan import Plan
from steerbench.records.results import RunResult
from steerbench.records.samples import outcome_of, outcome_text, score_of, score_text
from steerbench.running.calibration import StrengthSearch, golden_section
from steerbench.running.evaluation import OVERFLOWED
from steerbench.running.losses import target_costs, target_loss
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute

PLAN = Plan(methods=("toy-push", "toy-words"), task="toy", model="toy-model", engine="toy", budget=6)


@dataclass
class OverflowingEngine(ToyEngine):
    """Overflows where a request's lean is above `most`: on some people and statements before others."""

    most: float = 3.2

    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]:
        return [
            Choice((math.nan,) * 5) if self._lean(r) > self.most else c
            for r, c in zip(requests, super().choose(requests), strict=True)
        ]

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Sequence[Completion]:
        return [
            Completion("I am at", 3, "overflow") if self._lean(r) > self.most else c
            for r, c in zip(requests, super().generate(requests, sampling), strict=True)
        ]


class Tolerant(ToyTask):
    """Scores an overflow with a perfect loss, which nobody may believe."""

    def score(self, item: Any, target: Any, outcome: Any) -> Score:
        overflowed = not isinstance(outcome, float) and outcome.overflowed
        return Score(0.0, {"given": math.nan}) if overflowed else super().score(item, target, outcome)

    def summarise(self, rows: Any, seed: int) -> Summary:
        return super().summarise(
            {n: read for n, r in rows.items() if (read := [s for s in r if s.score.loss is not None])}, 0
        )


class Continuing(Tolerant):
    """Asks once more, after everything."""

    follow_sampling = GREEDY

    def follow_up(self, item: Any, target: Any, steering: Any, said: Completion) -> Request:
        assert not said.overflowed
        return replace(self.request(item, target, steering), prompt=Prompt(start=said.text))


def run(folder: Path, task: Task, plan: Plan = PLAN, most: float = 3.2, **more: Any) -> RunResult:
    return execute(replace(prepare(plan), task=task, engine=OverflowingEngine(most=most), **more), folder)


def test_a_strength_that_overflows_on_one_answer_is_chosen_for_nobody(tmp_path: Path) -> None:
    result = run(tmp_path, Tolerant())
    frame = read_samples(tmp_path)
    chosen = result.methods["toy-push"].strengths
    tried = frame.filter((frame["method"] == "toy-push") & (frame["split"] == "calibration"))
    lost = tried.filter(tried["unscored"] == OVERFLOWED)
    assert len(lost) > 0
    assert not {(t, s) for t, s in zip(lost["target"], lost["strength"], strict=True)} & set(chosen.items())
    assert lost["loss"].null_count() == len(lost)


def test_a_row_that_overflows_says_on_how_many_answers_and_the_others_say_nothing(tmp_path: Path) -> None:
    result = run(tmp_path, Tolerant(), PLAN.model_copy(update={"strength": 8.0}))
    row = result.methods["toy-push"]
    assert 0 < row.unscored < row.items
    assert row.warnings == [f"strength overflows on {row.unscored} of {row.items} answers"]
    assert not result.methods["toy-words"].flags
    assert json.loads((tmp_path / "run.json").read_text())["methods"]["toy-push"]["flags"] == [
        {"kind": "overflows", "values": {"count": row.unscored, "answers": row.items}}
    ]


def test_a_search_in_which_everything_overflows_ends_unsteered(tmp_path: Path) -> None:
    plan = PLAN.model_copy(update={"methods": ("toy-push",)})
    task = Tolerant()
    task.summarise = lambda rows, seed: Summary({name: {} for name in rows})  # type: ignore[method-assign]
    result = run(tmp_path, task, plan, most=-1.0)
    assert set(result.methods["toy-push"].strengths.values()) == {0.0}
    assert result.methods["toy-push"].warnings == ["strength overflows on 18 of 18 answers"]
    assert result.methods["toy-three"].flags == []


@pytest.mark.parametrize("overflows_below", [math.inf, 3.0])
def test_golden_section_with_overflowing_strengths_spends_its_budget_and_takes_another(overflows_below: float) -> None:
    search = StrengthSearch(["t"], lambda _: golden_section(0.0, 8.0, 8))
    while not search.finished:
        setting = search.propose()["t"]
        assert setting is not None
        search.observe({"t": None if setting.strength < overflows_below else setting.strength})
    assert search.best()["t"].strength == (
        0.0
        if overflows_below == math.inf
        else min(tried.setting.strength for tried in search._tried["t"] if tried.setting.strength >= overflows_below)
    )


def test_one_overflow_makes_a_setting_worth_nothing_whatever_the_other_answers_are() -> None:
    good, bad = Scored("t", "a", Score(0.0, cost=0.1)), Scored("t", "b", Score(None, unscored=OVERFLOWED))
    unread = Scored("t", "c", Score(None, unscored="no number"))
    assert target_loss([good, unread]) == 0.0
    assert target_loss([good, bad]) is None
    assert target_costs({"t": [good, bad], "u": [good, unread]}) == {"t": math.inf, "u": 0.1}


def test_a_first_stage_that_overflowed_is_the_answer_and_nothing_more_is_asked(tmp_path: Path) -> None:
    plan = PLAN.model_copy(update={"strength": 8.0, "task_parameters": {"readout": "generate"}})
    run(tmp_path, Continuing(readout="generate"), plan)
    frame = read_samples(tmp_path).filter(read_samples(tmp_path)["method"] == "toy-push")
    lost = frame.filter(frame["finish"] == "overflow")
    assert 0 < len(lost) < len(frame)
    # What the model said first is the answer, or stands before it.
    assert {(row["before"], row["tokens"]) for row in lost.iter_rows(named=True)} <= {("", 3)} | {
        (before, 7) for before in lost["before"] if before
    }
    assert "" in set(lost["before"])


def test_judges_are_not_asked_about_an_answer_that_overflowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    plan = PLAN.model_copy(update={"task": "toy-rated", "strength": 8.0})
    judge = ToyJudge()
    result = run(tmp_path / "run", RatedTask(), plan, judges={"trait": judge, "fluency": judge})
    row = result.methods["toy-push"]
    assert row.warnings == [f"strength overflows on {row.unscored} of {row.items} answers"]
    assert 0 < row.unscored < row.items
    assert not [case for case in judge.asked if case.answer == "I am at"]
    with sqlite3.connect(tmp_path / "run" / LEDGER) as connection:
        assert connection.execute("SELECT 1 FROM samples WHERE score LIKE ?", (f"%{PENDING}%",)).fetchall() == []


def test_what_is_no_number_is_null_in_the_ledger_and_comes_back_as_it_was(tmp_path: Path) -> None:
    told = outcome_text(Choice((math.nan, -0.1)))
    assert told == '{"logprobs": [null, -0.1]}'
    back = outcome_of(told)
    assert isinstance(back, Choice)
    assert back.overflowed
    assert back.logprobs[1] == -0.1
    scored = score_text(Score(None, {"p": math.nan, "parts": [1.0, math.nan], "by": {"a": math.nan}}))
    assert score_of(scored).record == {"p": None, "parts": [1.0, None], "by": {"a": None}}
    run(tmp_path, Tolerant(), PLAN.model_copy(update={"strength": 8.0}))
    with sqlite3.connect(tmp_path / LEDGER) as connection:
        count = "SELECT sum(json_extract(outcome, '$.logprobs[0]') IS NULL), sum(json_valid(score)), count(*) FROM "
        nulls, valid, rows = connection.execute(f"{count} samples WHERE method = 'toy-push'").fetchone()
    assert 0 < nulls < rows == valid == len(ITEMS[6:]) * 3
    frame = read_samples(tmp_path)
    lost = frame.filter((frame["unscored"] == OVERFLOWED) & (frame["method"] == "toy-push"))
    assert lost["logprobs"].to_list() == [[None] * 5] * nulls
