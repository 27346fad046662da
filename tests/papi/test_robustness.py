"""Other forms of the same statements: what is asked, what is read, what a board says of it."""

import json
import math
import sqlite3

import pytest

from steerbench.contracts import Choice, Completion, Score, Scored, Split, Summary
from steerbench.contracts.steering import UNSTEERED
from steerbench.contracts.targets import LABELS
from steerbench.errors import UserError
from steerbench.publishing.checking import problems
from steerbench.publishing.publish import publish
from steerbench.records.flags import words
from steerbench.records.found_ledgers import LEDGER
from steerbench.records.plan import Plan
from steerbench.running.controls import asked_of_row
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model
from tasks.papi.robustness import with_forms
from tasks.papi.task import PAPI


@pytest.mark.parametrize(
    ("readout", "forms"),
    [
        ("label", ["frame-2", "frame-3"]),
        ("letter", ["reversed", "rotated", "frame-2", "frame-3"]),
        ("generate", ["reversed", "rotated", "frame-2", "frame-3"]),
    ],
)
def test_every_measuring_item_is_asked_in_every_form_and_calibration_in_none(readout, forms):
    plain, robust = PAPI(readout=readout, respondents=2), PAPI(readout=readout, respondents=2, robust=True)
    target = robust.targets(Split.TEST)[0]
    usual = plain.items(target, Split.TEST)
    asked = robust.items(target, Split.TEST)
    assert asked[: len(usual)] == usual
    assert [item.form for item in asked[len(usual) :: len(usual)]] == forms
    assert len({item.id for item in asked}) == len(asked) == len(usual) * (1 + len(forms))
    assert robust.items(target, Split.CALIBRATION) == plain.items(target, Split.CALIBRATION)
    prompts = {robust.request(item, target, UNSTEERED).prompt for item in asked if item.text == usual[0].text}
    assert len(prompts) == 1 + len(forms)


def in_form(task, form):
    target = task.targets(Split.TEST)[0]
    return target, next(item for item in task.items(target, Split.TEST) if getattr(item, "form", "") == form)


@pytest.mark.parametrize("form", ["reversed", "rotated", "frame-2", "frame-3", ""])
def test_a_letter_means_the_option_that_stands_beside_it_in_that_form(form):
    task = PAPI(readout="letter", respondents=2, robust=True)
    task.unseal()
    target, item = in_form(task, form)
    question = task.request(item, target, UNSTEERED).prompt.messages[-1][1]
    for place, letter in enumerate("ABCDE"):
        logprobs = tuple(0.0 if place == other else -9.0 for other in range(5))
        tick = task.score(item, target, Choice(logprobs)).record["answer"]
        assert f"({letter}) {LABELS[int(tick)]}" in question.splitlines()


def test_free_text_is_read_by_the_options_of_its_form():
    task = PAPI(readout="generate", respondents=2, robust=True)
    task.unseal()
    target, item = in_form(task, "reversed")
    assert task.score(item, target, Completion(" (A)", 3, "stop")).record["answer"] == 1
    assert task.score(item, target, Completion(" Very Accurate", 3, "stop")).record["answer"] == 5


def test_a_form_is_sealed_as_its_item_is():
    task = PAPI(readout="letter", respondents=2, robust=True)
    target, item = in_form(task, "rotated")
    with pytest.raises(RuntimeError, match="sealed"):
        task.score(item, target, Choice((0.0,) * 5))


def test_what_answers_without_a_model_is_asked_in_the_usual_form_alone():
    task, plain = PAPI(respondents=2, robust=True), PAPI(respondents=2)
    target = task.targets(Split.TEST)[0]
    for name in ("always-3", "trait-mean", "ceiling"):
        assert asked_of_row(task, name, target) == plain.items(target, Split.TEST)
    assert len(asked_of_row(task, "unsteered", target)) == 3 * len(plain.items(target, Split.TEST))


def test_the_published_protocol_asks_in_one_form():
    with pytest.raises(UserError, match="leave --robust out"):
        PAPI(protocol="published", robust=True)


def test_the_forms_are_part_of_what_a_run_is():
    assert "forms" not in PAPI(respondents=2).identity()
    assert "Choose how accurate" in PAPI(readout="letter", respondents=2, robust=True).identity()["forms"]


# -- what a board says


def answered(answers, form="", refused=None):
    """Of {person: its answers}: items of one trait with ticks 3, in a form."""
    return [
        Scored(
            who,
            f"{place}~{form}" if form else str(place),
            Score(
                abs((3 if answer is None else answer) - 3),
                {"trait": "E", "key": 1 if place % 2 else -1, "tick": 3, "answer": answer, "expected": answer}
                | ({} if refused is None else {"refused": answer is None and refused}),
            ),
        )
        for who, of in answers.items()
        for place, answer in enumerate(of)
    ]


USUAL = {"a": [1, 5, 3, 2], "b": [5, 5, None, 1]}
REVERSED = {"a": [1, 4, 3, 2], "b": [1, 5, 3, 1]}
FRAMED = {"a": [1, 5, 3, 2], "b": [5, 5, None, 1]}


def summarised(rows):
    return with_forms(Summary({name: {} for name in rows}), rows, seed=0, missing="impute")


def test_changed_answers_are_counted_form_by_form_and_unreadable_is_an_answer_more():
    found = summarised({"pas": answered(USUAL) + answered(REVERSED, "reversed") + answered(FRAMED, "frame-2")})
    metrics = found.metrics["pas"]
    assert metrics["changed by form reversed"].value == pytest.approx(3 / 8)
    assert metrics["changed by form frame-2"].value == 0
    assert metrics["changed by form"].value == pytest.approx(3 / 16)
    assert metrics["changed by form"].n == 2
    # a: 2, 1, 0, 1; b: 2, 2, 0, 2.
    assert metrics["error reversed"].value == pytest.approx((4 / 4 + 6 / 4) / 2)
    assert "refusal rate" not in metrics
    assert not found.flags["pas"]


def test_a_board_says_if_the_form_decides():
    found = summarised({"pas": answered(USUAL) + answered(REVERSED, "reversed")})
    assert list(map(words, found.flags["pas"])) == ["other forms of the question change 38 % of its answers"]


def test_refusals_are_told_from_what_cannot_be_read():
    rows = {
        "refuses": answered(USUAL, refused=True) + answered(FRAMED, "frame-2", refused=True),
        "mumbles": answered(USUAL, refused=False) + answered(FRAMED, "frame-2", refused=False),
    }
    found = summarised(rows).metrics
    assert found["refuses"]["refusal rate"].value == pytest.approx(1 / 8)
    assert found["mumbles"]["refusal rate"].value == 0


def test_answers_that_are_the_same_for_everybody_have_no_alpha():
    same = {str(person): [1, 5, 3, 2] for person in range(8)}
    differing = {str(person): [6 - tick, tick, 6 - tick, tick] for person, tick in enumerate([1, 2, 3, 4, 5, 4, 2, 1])}
    rows = {name: answered(of) + answered(of, "frame-2") for name, of in (("same", same), ("differing", differing))}
    found = summarised(rows).metrics
    assert math.isnan(found["same"]["alpha"].value)
    assert found["differing"]["alpha"].value == pytest.approx(1)
    assert found["differing"]["split-half r"].value == pytest.approx(1)


# -- a whole run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("robust")
    plan = Plan(
        methods=("few-shot",),
        task="papi",
        task_parameters={"respondents": 2, "readout": "letter", "robust": True},
        model=str(tiny_model(folder / "tiny")),
        dtype="float32",
        budget=2,
    )
    return folder / "run", execute(prepare(plan), folder / "run"), plan


def test_a_run_has_the_usual_numbers_and_those_of_the_forms_beside_them(run, tmp_path):
    _, robust, plan = run
    usual = execute(
        prepare(plan.model_copy(update={"task_parameters": {"respondents": 2, "readout": "letter"}})), tmp_path
    )
    for name, row in usual.methods.items():
        asked = robust.methods[name]
        # In other batches the last digits of likelihoods differ, and with them what is expected.
        for metric, found in row.metrics.items():
            assert asked.metrics[metric].value == pytest.approx(found.value, abs=1e-5, nan_ok=True)
        assert [one.difference for one in asked.comparisons] == [one.difference for one in row.comparisons]
    more = robust.methods["few-shot"].metrics.keys() - usual.methods["few-shot"].metrics.keys()
    forms = ("reversed", "rotated", "frame-2", "frame-3")
    assert more == {"changed by form", "alpha", "split-half r"} | {
        f"{what} {form}" for what in ("changed by form", "error") for form in forms
    }


def test_the_share_that_changed_is_that_of_the_ledgers_answers(run):
    folder, robust, _ = run
    with sqlite3.connect(folder / LEDGER) as connection:
        query = "SELECT target, item, score FROM samples WHERE method = 'few-shot' AND split = 'test'"
        answers = {(t, i): json.loads(score)["record"]["answer"] for t, i, score in connection.execute(query)}
    changed = [answers[t, i] != answers[t, i.split("~")[0]] for t, i in answers if "~" in i]
    assert len(changed) == 4 * len(answers) / 5
    assert robust.methods["few-shot"].metrics["changed by form"].value == pytest.approx(sum(changed) / len(changed))


def test_it_is_published_and_recomputed(run, tmp_path):
    folder, *_ = run
    published = publish(folder, tmp_path)
    assert problems(published) == []
