"""Rows that ask no model: what they reply has to be something that the task reads, and whoever does not is named."""

from pathlib import Path

import pytest

from steerbench.errors import UserError
from steerbench.records.plan import Plan, build_task
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute

TICKS, TEXTS = "by ticks of statements", "by texts"


@pytest.mark.parametrize(
    ("task", "given", "read"),
    [
        ("papi", {}, {"tick"}),
        ("papi", {"readout": "generate"}, {"tick", "text"}),
        ("papi-causal", {}, {"tick"}),
        ("inventory", {}, {"tick"}),
        ("personalitybench", {}, {"text"}),
        ("arithmetic-sample", {}, {"text"}),
        ("perplexity", {}, set()),
        ("toy", {}, {"tick", "text"}),
    ],
)
def test_a_task_says_what_it_reads(task: str, given: dict[str, str], read: set[str]) -> None:
    built = build_task(Plan(methods=("unsteered",), task=task, task_parameters=dict(given)))
    assert (built.reads_ticks, built.reads_texts) == ("tick" in read, "text" in read)


@pytest.mark.parametrize(
    ("method", "task", "replies", "reads"),
    [
        ("echo", "papi", TEXTS, "papi reads ticks only"),
        ("fixed-text", "inventory", TEXTS, "inventory reads ticks only"),
        ("always-3", "arithmetic-sample", TICKS, "arithmetic-sample reads texts only"),
        ("echo", "perplexity", TEXTS, "perplexity reads a model's answers only"),
    ],
)
def test_a_row_that_a_task_cannot_read_is_named(
    tmp_path: Path, method: str, task: str, replies: str, reads: str
) -> None:
    prepared = prepare(Plan(methods=(method,), task=task, trivial=False))
    with pytest.raises(UserError) as refused:
        execute(prepared, tmp_path)
    assert str(refused.value) == f"'{method}' answers without a model, {replies}, and {reads}; leave '{method}' out."
