"""PersonalityBench answers that overflowed: known, unrated, and a board that stands all the same."""

from dataclasses import replace

from steerbench.contracts import Completion, Scored, Split
from steerbench.records.flags import words
from steerbench.running.evaluation import OVERFLOWED
from tasks.personalitybench.task import PersonalityBench


def test_a_row_of_which_every_answer_overflowed_is_unscored_beside_one_that_is_rated() -> None:
    task = PersonalityBench(questions=2, poles="extraversion+,extraversion-")
    task.unseal()
    rows: dict[str, list[Scored]] = {"pas": [], "unsteered": []}
    for target in task.targets(Split.TEST):
        for item in task.items(target, Split.TEST):
            lost = task.score(item, target, Completion("I", 1, "overflow"))
            assert (lost.record["finish"], lost.record["ratings"], lost.record["fluency"]) == ("overflow", {}, None)
            # As the harness marks it (`Evaluation`).
            rows["pas"].append(Scored(target.id, item.id, replace(lost, unscored=OVERFLOWED)))
            plain = task.score(item, target, Completion("I go out and I stay there.", 8, "stop"))
            record = {**plain.record, "ratings": {"E": 4}, "fluency": 5}
            rows["unsteered"].append(Scored(target.id, item.id, replace(plain, record=record, loss=1.0, unscored="")))
    summary = task.summarise(rows, 0)
    assert summary.metrics["pas"]["unscored rate"].value == 1.0
    assert summary.metrics["pas"]["truncated"].value == 0.0
    assert summary.metrics["unsteered"]["unscored rate"].value == 0.0
    assert "100 % unscored" in map(words, summary.flags["pas"])
