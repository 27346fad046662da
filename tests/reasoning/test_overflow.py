"""Reasoning answers that overflowed: wrong, unreadable, and said so; from the score to the table."""

import math
from pathlib import Path

from steerbench.contracts import Choice, Completion, Split
from steerbench.contracts.thoughts import UNFINISHED
from steerbench.records.export import read_samples
from steerbench.records.plan import Plan
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model
from tasks.reasoning.task import Arithmetic


def test_a_right_answer_said_before_the_overflow_counts_as_none() -> None:
    task = Arithmetic(limit=1)
    target = task.targets(Split.TEST)[0]
    item = task.items(target, Split.TEST)[0]
    gold = task._problems[item.id].gold[0]
    assert task.score(item, target, Completion(f" {gold}.", 2, "stop")).loss == 0
    lost = task.score(item, target, Completion(f" {gold}.", 2, "overflow"))
    assert (lost.loss, lost.record["answer"], lost.record["tokens"]) == (None, None, 2)
    assert lost.unscored
    thinking = task.score(item, target, Completion("", 2, "thinking", thoughts=f"The answer is {gold}."))
    assert (thinking.loss, thinking.record["answer"], thinking.unscored) == (None, None, UNFINISHED)
    chosen = task.score(item, target, Choice((-1.0, math.nan)))
    assert (chosen.loss, chosen.record["answer"]) == (None, None)


def test_a_run_at_a_strength_that_overflows_ends_with_a_marked_row_beside_good_ones(tmp_path: Path) -> None:
    plan = Plan(
        methods=("actadd", "simple-prompt"),
        task="arithmetic-sample",
        task_parameters={"limit": 2, "max_new_tokens": 5},
        model=str(tiny_model(tmp_path / "model")),
        dtype="float32",
        strength=1e38,
    )
    result = execute(prepare(plan), tmp_path / "run")
    assert result.methods["actadd"].warnings[0] == "strength overflows on 4 of 4 answers"
    assert result.methods["actadd"].metrics["unreadable rate"].value == 1.0
    for name in ("simple-prompt", "unsteered"):
        assert not [flag for flag in result.methods[name].warnings if "overflow" in flag]
    frame = read_samples(tmp_path / "run")
    assert set(frame.filter(frame["method"] == "actadd")["finish"]) == {"overflow"}
    assert "overflow" not in set(frame.filter(frame["method"] != "actadd")["finish"])
