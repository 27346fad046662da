"""Reasoning tasks in the harness: what is asked in two stages, what answers are worth, whose strengths are used."""

import json
from pathlib import Path

import polars as pl
import pytest

from steerbench.contracts import Choice, Completion, Request, Scored, Split
from steerbench.contracts.steering import UNSTEERED, PromptChange, Steering
from steerbench.errors import UserError
from steerbench.records.export import read_samples
from steerbench.records.flags import words
from steerbench.records.plan import Plan
from steerbench.records.results import RunResult
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.running.strengths import chosen_in
from steerbench.running.summary import summary_of
from steerbench.testing.tiny_models import tiny_model
from tasks.reasoning import prompts
from tasks.reasoning.task import GSM8K, MMLU, Arithmetic, Coins, CommonsenseQA

PLAN = Plan(
    methods=("unsteered", "actadd", "simple-prompt"),
    task="arithmetic-sample",
    task_parameters={"limit": 3, "max_new_tokens": 9},
    dtype="float32",
    strength=3.0,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def run(model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult]:
    folder = tmp_path_factory.mktemp("run")
    return folder, execute(prepare(PLAN.model_copy(update={"model": str(model)})), folder)


def test_the_answer_is_asked_to_what_the_model_said_first(run: tuple[Path, RunResult], model: Path) -> None:
    prepared = prepare(PLAN.model_copy(update={"model": str(model)}))
    engine, task = prepared.engine, prepared.task
    assert engine is not None
    assert isinstance(task, Arithmetic)
    frame = read_samples(run[0]).filter(pl.col("method") == "unsteered")
    assert len(frame) == 3 * 2
    target = task.targets(Split.TEST)[0]
    for item in task.items(target, Split.TEST):
        problem = task._problems[item.id]
        first = prompts.reasoning(problem, PromptChange())
        said = engine.generate([Request(first)], task.sampling)[0]
        second = prompts.asking(problem, PromptChange(), said.text)
        assert second.messages == first.messages
        assert second.start == f"{prompts.THINK}{said.text.rstrip()}\n\nSo the answer, as a number, is"
        answer = engine.generate([Request(second)], task.follow_sampling)[0]
        (row,) = frame.filter((pl.col("item") == item.id) & (pl.col("target") == target.id)).to_dicts()
        assert (row["before"], row["text"], row["finish"]) == (said.text, answer.text, answer.finish)
        assert row["tokens"] == said.tokens + answer.tokens
        assert json.loads(row["record"])["gold"] == problem.gold[0]


def test_a_steering_acts_in_both_stages_and_a_prompt_is_said_in_both(run: tuple[Path, RunResult]) -> None:
    task = Arithmetic(limit=1)
    (target, *_) = task.targets(Split.TEST)
    (item,) = task.items(target, Split.TEST)
    steering = Steering(prompt=PromptChange("You are orderly."))
    first = task.request(item, target, steering)
    second = task.follow_up(item, target, steering, Completion("It is 7.", 3, "stop"))
    assert second is not None
    assert first.steering is second.steering is steering
    assert first.prompt.messages[0] == second.prompt.messages[0] == ("system", "You are orderly.")
    frame = read_samples(run[0])
    said = {name: frame.filter(pl.col("method") == name).sort("target", "item") for name in PLAN.methods}
    assert said["actadd"]["before"].to_list() != said["unsteered"]["before"].to_list()


def test_accuracy_counts_the_unreadable_as_wrong_and_change_is_paired(run: tuple[Path, RunResult]) -> None:
    task = Coins(limit=4)
    (target, *_) = task.targets(Split.TEST)
    items = task.items(target, Split.TEST)
    gold = [task._problems[item.id].gold[0] for item in items]

    def row(*said: str) -> list[Scored]:
        answers = [Completion(f" {text}.", 2, "stop") for text in said]
        return [Scored(target.id, item.id, task.score(item, target, a)) for item, a in zip(items, answers, strict=True)]

    wrong = ["yes" if right == "no" else "no" for right in gold]
    rows = {"unsteered": row(*gold), "other": row(wrong[0], "perhaps", *gold[2:])}
    summary = summary_of(task, rows, seed=0)
    other = summary.metrics["other"]
    assert summary.metrics["unsteered"]["accuracy"].value == 1
    assert other["accuracy"].value == 0.5
    assert other["unreadable rate"].value == 0.25
    assert (other["change"].value, other["change"].n) == (-0.5, 4)
    assert summary.higher_is_better
    (compared,) = summary.comparisons["other"]
    assert (compared.against, compared.difference) == ("unsteered", 0.5)
    assert any("25 % unreadable" in words(flag) for flag in summary.flags["other"])
    most = max(gold.count("yes"), gold.count("no")) / 4
    assert any("always saying" in words(flag) for flag in summary.flags["other"]) == (most >= 0.5)


def test_a_choice_is_right_if_its_likeliest_letter_is() -> None:
    task = Arithmetic(limit=1)
    problem = next(iter(task._problems.values()))
    problem = type(problem)("p", "Which?", "letter", ("B",), ("one", "two", "three"))
    task._problems = {"p": problem}
    item = type(task.items(task.targets(Split.TEST)[0], Split.TEST)[0])("p", "Which?")
    target = task.targets(Split.TEST)[0]
    assert prompts.letters(problem) == (" A", " B", " C")
    assert prompts.choosing(problem, PromptChange()).messages == (("user", "Which?\n(A) one\n(B) two\n(C) three"),)
    assert task.score(item, target, Choice((-3.0, -1.0, -2.0))).loss == 0
    assert task.score(item, target, Choice((-1.0, -3.0, -2.0))).loss == 1
    with pytest.raises(UserError, match="only ticks statements"):
        task.score(item, target, 3.0)


def test_a_strength_has_to_be_given_or_taken_from_a_run_that_chose_it(
    run: tuple[Path, RunResult], model: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"cannot choose a strength for actadd; give --strength, or --strengths-from"):
        prepare(PLAN.model_copy(update={"strength": None, "model": str(model)}))
    chosen = chosen_in(run[1].methods).strengths
    assert chosen["actadd"] == {"conscientiousness+": 3.0, "conscientiousness-": 3.0}
    told = {"actadd": {"conscientiousness+": 0.5, "conscientiousness-": 2.0}}
    plan = PLAN.model_copy(update={"strength": None, "strengths": told, "model": str(model)})
    result = execute(prepare(plan), tmp_path)
    assert result.methods["actadd"].strengths == told["actadd"]
    assert result.digest != run[1].digest
    with pytest.raises(UserError, match="has no row 'actadd'"):
        prepare(plan.model_copy(update={"strengths": {"pas": {}}}))
    lacking = plan.model_copy(update={"strengths": {"actadd": {"conscientiousness+": 0.5}}})
    with pytest.raises(UserError, match=r"none of 'actadd' towards conscientiousness-; it has conscientiousness\+"):
        execute(prepare(lacking), tmp_path / "lacking")


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(UserError, match=r"arithmetic-sample.limit is 0; it has to be at least 1"):
        Arithmetic(limit=0)
    with pytest.raises(UserError, match="have no choices"):
        Arithmetic(readout="choices")
    with pytest.raises(UserError, match="has 0 solved examples"):
        Arithmetic(shots=2)
    with pytest.raises(UserError, match="is empty or has an empty entry"):
        Arithmetic(poles=" ,")


@pytest.mark.real_data
def test_examples_are_shown_with_their_solutions_and_leave_no_second_stage() -> None:
    task = GSM8K(limit=2, shots=3)
    (target, *_) = task.targets(Split.TEST)
    item = task.items(target, Split.TEST)[0]
    request = task.request(item, target, UNSTEERED)
    ((_, text),) = request.prompt.messages
    assert text.count("Question: ") == 4
    assert text.count(" The answer is ") == 3
    assert text.endswith(f"Question: {item.text}\nAnswer:")
    assert request.prompt.start == ""
    assert task.follow_up(item, target, UNSTEERED, Completion("The answer is 3.", 5, "stop")) is None
    gold = task._problems[item.id].gold[0]
    assert task.score(item, target, Completion(f"So 1 + 1. The answer is {gold}.", 9, "stop")).loss == 0


@pytest.mark.real_data
def test_knowledge_is_asked_by_the_likelihood_of_letters_and_common_sense_either_way() -> None:
    task = MMLU(limit=3)
    (target, *_) = task.targets(Split.TEST)
    request = task.request(task.items(target, Split.TEST)[0], target, UNSTEERED)
    assert request.options == (" A", " B", " C", " D")
    assert request.prompt.start == prompts.ANSWER
    for readout, options in (("choices", 5), (None, 0)):
        either = CommonsenseQA(limit=1, readout=readout)  # type: ignore[arg-type]
        item = either.items(target, Split.TEST)[0]
        assert len(either.request(item, target, UNSTEERED).options) == options
