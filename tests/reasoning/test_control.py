"""Reasoning's control: what share of the right answers is read as right where they were told."""

import pytest

from methods.gold_in_prompt import GoldInPrompt
from steerbench.contracts import Completion, Scored, Split
from steerbench.running.summary import summary_of
from tasks.reasoning.task import Arithmetic, Coins


def rows(task: Arithmetic | Coins, told: int, plain: int) -> dict[str, list[Scored]]:
    """Of the control's and of the unsteered answers so many are right; the others cannot be read."""
    target = task.targets(Split.TEST)[0]
    asked = {"gold-in-prompt": list(task.answers(target)), "unsteered": list(task.items(target, Split.TEST))}

    def row(name: str, right: int) -> list[Scored]:
        golds = [task._problems[item.id].gold[0] for item in asked[name]]
        texts = [f" {gold}." if place < right else " Who knows." for place, gold in enumerate(golds)]
        return [
            Scored(target.id, item.id, task.score(item, target, Completion(text, 2, "stop")))
            for item, text in zip(asked[name], texts, strict=True)
        ]

    return {"gold-in-prompt": row("gold-in-prompt", told), "unsteered": row("unsteered", plain)}


def test_at_most_thirty_problems_of_all_the_dataset_are_told() -> None:
    task = Coins()
    target, *_ = task.targets(Split.TEST)
    items = list(task.items(target, Split.TEST))
    told = list(task.answers(target))
    assert len(items) > 30
    assert len(told) == 30
    assert (told[0], told[-1]) == (items[0], items[-1])
    assert list(Coins(limit=4).answers(target)) == items[:4]


def test_the_right_answer_stands_before_its_problem_and_no_other() -> None:
    task = Arithmetic(limit=3)
    targets = task.targets(Split.TEST)
    steerings = GoldInPrompt().reveal(targets, {target.id: task.answers(target) for target in targets})
    for target, steering in zip(targets, steerings, strict=True):
        for item in task.items(target, Split.TEST):
            (gold, *_) = task._problems[item.id].gold
            prompt = task.request(item, target, steering.at(item)).prompt
            assert prompt.messages[0] == ("system", f"The right answer to the question is {gold}. Give this answer.")


@pytest.mark.parametrize(("right", "of_told"), [(30, ""), (25, ""), (15, "50 %"), (0, "0 %")])
def test_answers_that_were_told_and_not_read_judge_no_method(right: int, of_told: str) -> None:
    task = Arithmetic()
    problems = len(task.items(task.targets(Split.TEST)[0], Split.TEST))
    summary = summary_of(task, rows(task, right, problems), 0)
    if not of_told:
        assert summary.cannot_tell == ""
    else:
        assert summary.cannot_tell == (
            "answers cannot be read from this model's text: told the right answer, it is read as right on "
            f"{of_told} of 30 problems"
        )
    assert summary.metrics["gold-in-prompt"]["accuracy"].value == right / 30
    assert "gold-in-prompt" not in summary.comparisons


def test_an_unsteered_model_with_nothing_to_lose_is_told_of_where_the_answers_can_be_read() -> None:
    task = Arithmetic()
    assert "there is nothing to lose" in summary_of(task, rows(task, 30, 0), 0).cannot_tell
