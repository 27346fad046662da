"""Publishing a run: what it keeps, what it leaves out, and what is not published."""

from dataclasses import replace

import polars as pl
import pytest
from steerbench_testkit import ToyJudge, ToyTask

from steerbench.errors import UserError
from steerbench.publishing.checking import check, problems
from steerbench.publishing.columns import COLUMNS
from steerbench.publishing.publish import publish
from steerbench.publishing.samples import read_samples
from steerbench.publishing.schema import read_published
from steerbench.records.results import read_result, write_result
from steerbench.running.evaluation import OVERFLOWED
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from tests.publishing.world import RATED, TOY, edit_samples, finished, forge, published, put
from tests.running.test_overflow import OverflowingEngine

ONE = "split = 'test' AND method = 'toy-three' AND target = 'p1' AND item = 'i9'"


@pytest.fixture
def run(tmp_path):
    return finished(tmp_path / "run")


def test_a_published_run_says_what_the_run_said_and_holds_its_measuring_samples_alone(run, tmp_path):
    folder, result = publish(run, tmp_path / "results"), read_result(run)
    told = read_published(folder)
    assert folder.name == told.id == f"toy-toy-push-{result.digest[:10]}"
    assert (told.methods, told.identity, told.model) == (result.methods, result.identity, "toy-model")
    frame = read_samples(folder)
    assert dict(frame.schema) == COLUMNS
    assert set(frame["item"]) == {f"i{n}" for n in range(7, 13)}
    assert len(frame) == len(result.methods) * 3 * 6
    assert sorted(path.name for path in folder.iterdir()) == ["published.json", "samples.parquet"]
    assert check(tmp_path / "results").problems == []


def test_publishing_again_replaces_what_was_published_and_leaves_nothing_beside_it(run, tmp_path):
    folder = publish(run, tmp_path / "results")
    (folder / "old").touch()
    assert publish(run, tmp_path / "results") == folder
    assert [path.name for path in (tmp_path / "results").iterdir()] == [folder.name]
    assert problems(folder) == []


def test_verdicts_are_published_and_give_the_losses_again(tmp_path):
    folder = published(tmp_path, RATED)
    assert check(folder).problems == []
    frame = read_samples(folder)
    assert frame.filter(pl.col("method") == "toy-push")["verdicts"].str.contains('"rating": ').all()
    assert frame.filter(pl.col("method") == "toy-echo")["unscored"].unique().to_list() == ["the text holds no number"]


def test_answers_that_overflowed_are_published_unrated_and_flagged(tmp_path):
    plan = RATED.model_copy(update={"methods": ("toy-words",)})
    prepared = replace(prepare(plan), engine=OverflowingEngine(most=2.5))
    folder = publish(finished(tmp_path / "run", plan, prepared), tmp_path / "results")
    frame = read_samples(folder).filter(pl.col("method") == "toy-words")
    overflowed = frame.filter(pl.col("finish") == "overflow")
    assert 0 < len(overflowed) < len(frame)
    assert overflowed["unscored"].unique().to_list() == [OVERFLOWED]
    assert overflowed["verdicts"].null_count() == len(overflowed)
    flags = read_published(folder).methods["toy-words"].warnings
    assert flags == [f"strength overflows on {len(overflowed)} of {len(frame)} answers"]


def test_a_run_that_has_not_finished_is_not_published(run, tmp_path):
    (run / "run.json").unlink()
    with pytest.raises(UserError, match="There is no finished run"):
        publish(run, tmp_path / "results")


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("DELETE FROM choices WHERE method = 'toy-push' AND target = 'p1'", "no setting was frozen for method 'toy-pu"),
        ("UPDATE samples SET item = 'i9' WHERE split = 'calibration' AND item = 'i5'", "'i9' was used for calibration"),
        (f"UPDATE samples SET rowid = -1 WHERE {ONE}", "test items were asked before"),
        (f"DELETE FROM samples WHERE {ONE}", r"lacks 1 of 18 samples, such as \('p1', 'i9'\)"),
        (f"UPDATE samples SET strength = 7 WHERE {ONE}", "strengths: said"),
        ("UPDATE meta SET value = 'f' WHERE key = 'digest'", "its ledger belongs to another run"),
    ],
)  # fmt: skip
def test_a_ledger_that_does_not_bear_out_the_run_is_not_published(run, tmp_path, statement, complaint):
    forge(run, statement)
    with pytest.raises(UserError, match=complaint):
        publish(run, tmp_path / "results")
    assert not list((tmp_path / "results").glob("*")) if (tmp_path / "results").exists() else True


def test_a_run_whose_judge_was_not_checked_is_not_published(tmp_path):
    execute(prepare(RATED), tmp_path / "run")
    with pytest.raises(UserError, match="the trait judge 'toy-judge' was not checked on texts with a known end"):
        publish(tmp_path / "run", tmp_path / "results")


def test_a_judge_that_brings_texts_for_a_quality_of_its_own_is_checked_on_them_and_the_run_published(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    known = {quality: (["I am at 1.00"], ["I am at 3.00"]) for quality in ("height", "depth")}
    monkeypatch.setattr(ToyJudge, "known_texts", known, raising=False)
    execute(prepare(RATED), tmp_path / "run")
    folder = publish(tmp_path / "run", tmp_path / "results")
    told = read_published(folder).judges["trait"].check
    assert (told.texts, told.auc) == (4, {"height": 1.0, "depth": 1.0})


def test_a_number_that_its_samples_do_not_give_is_not_published(run, tmp_path):
    result = read_result(run)
    row = result.methods["toy-push"].model_copy(update={"unscored": 4})
    write_result(result.model_copy(update={"methods": {**result.methods, "toy-push": row}}), run)
    with pytest.raises(UserError, match="method 'toy-push', unscored: said 4, recomputed 0"):
        publish(run, tmp_path / "results")


def test_a_published_protocol_run_is_published_with_its_deviations(tmp_path):
    folder = published(tmp_path, TOY.model_copy(update={"protocol": "published", "calibration": "grid"}))
    assert read_published(folder).deviations == ["keys as stored", "strength chosen on the test items"]
    assert problems(folder) == []


def test_data_that_nobody_else_has_cannot_be_published(tmp_path):
    plan = TOY.model_copy(update={"task": "personalitybench", "task_parameters": {"dataset": "mine/questions.jsonl"}})
    result = read_result(finished(tmp_path / "run"))
    write_result(result.model_copy(update={"plan": plan}), tmp_path / "run")
    with pytest.raises(UserError, match=r"is the file 'mine/questions\.jsonl'; a published run has to use data of"):
        publish(tmp_path / "run", tmp_path / "results")


@pytest.mark.parametrize(("source", "shown"), [("svamp", False), ("gsm8k", True), ("papi-300", True)])
def test_questions_of_authors_who_state_no_licence_are_not_published(source, shown, tmp_path, monkeypatch):
    monkeypatch.setattr(ToyTask, "questions_from", source, raising=False)
    folder = published(tmp_path)
    samples = read_samples(folder)
    assert samples["question"].null_count() == (0 if shown else len(samples))
    assert problems(folder) == []
    other = None if shown else "What is it?"
    row = samples.row(0, named=True)
    edit_samples(folder, put(row["method"], row["target"], row["item"], question=other))
    assert "may not be shown" in problems(folder)[0]
