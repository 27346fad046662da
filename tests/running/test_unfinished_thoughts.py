"""An answer that never left its thoughts is worth nothing on any task, for that reason, and no judge is asked."""

from pathlib import Path
from typing import Any

import pytest

from steerbench.contracts import Completion, Split
from steerbench.contracts.thoughts import UNFINISHED
from steerbench.plugins.finding import find
from steerbench.records.export import read_samples
from steerbench.records.plan import Plan
from steerbench.running.evaluation import score_of_outcome
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model
from tests.engines.test_answers import THINKS

THOUGHT = Completion("", 9, "thinking", thoughts="(A), 41, yes. I love parties.")


@pytest.mark.parametrize(
    ("task", "parameters"),
    [
        ("papi", {"readout": "generate", "respondents": 1}),
        ("arithmetic-sample", {"limit": 1}),
        ("coin-flip-sample", {"limit": 1}),
        ("personalitybench", {"questions": 1}),
    ],
)
def test_it_is_unscored_for_its_reason_on_every_task(task: str, parameters: dict[str, Any]) -> None:
    made = find("task", task)(**parameters)
    made.unseal()
    target = made.targets(Split.TEST)[0]
    item = made.items(target, Split.TEST)[0]
    score = score_of_outcome(made, item, target, THOUGHT)
    assert score.unscored == UNFINISHED
    assert score.loss is None or task == "papi"


def test_a_run_says_that_its_model_always_thinks_and_keeps_the_thoughts(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model", chat_template=THINKS)
    plan = Plan(
        methods=("unsteered",),
        task="papi",
        model=str(model),
        dtype="float32",
        trivial=False,
        task_parameters={"respondents": 1, "readout": "letter"},
    )
    result = execute(prepare(plan), tmp_path / "letters")
    assert [told for told in result.deviations if "opens thoughts before every answer" in told]
    # An answer whose start is not given, as an open question's is.
    asked = plan.model_copy(update={"task": "perplexity", "task_parameters": {"limit": 1}, "strength": 1.0})
    assert "thoughts" in prepare(asked).identity.fields["engine"]
    assert "thoughts" in read_samples(tmp_path / "letters").columns
