"""IFEval answers that overflowed."""

import pytest

from steerbench.contracts import Completion, Scored, Split
from steerbench.running.summary import summary_of
from tasks.ifeval.task import IFEval


@pytest.mark.real_data
def test_an_answer_that_overflowed_follows_no_instruction_whatever_was_said_before() -> None:
    task = IFEval(limit=20)
    target = task.targets(Split.TEST)[0]
    items = task.items(target, Split.TEST)
    said = [task.score(item, target, Completion("some words", 2, "stop")) for item in items]
    lost = [task.score(item, target, Completion("some words", 2, "overflow")) for item in items]
    assert any(score.loss == 0 or any(score.record["strict"]) for score in said)
    assert not any(any(score.record[way]) for score in lost for way in ("strict", "loose"))
    assert [len(score.record["strict"]) for score in lost] == [len(score.record["strict"]) for score in said]
    rows = {"pas": [Scored(target.id, item.id, score) for item, score in zip(items, lost, strict=True)]}
    metrics = summary_of(task, rows, 0).metrics["pas"]
    assert (metrics["prompt strict"].value, metrics["instruction loose"].value, metrics["cut off"].value) == (0, 0, 0)
