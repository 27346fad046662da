import json

import polars as pl
import pytest

from steerbench.errors import UserError
from steerbench.human.sources import read_sources
from steerbench.records.export import read_samples
from steerbench.records.found_ledgers import LEDGER
from steerbench.records.results import read_result, write_result


def copy_of(run, folder, **changed):
    folder.mkdir()
    (folder / LEDGER).write_bytes((run / LEDGER).read_bytes())
    write_result(read_result(run).model_copy(update=changed), folder)
    return folder


def test_answers_and_ratings_are_those_of_the_run_s_samples(run):
    found = read_sources([run])
    assert list(found.methods) == ["toy-push", "toy-words", "unsteered"]
    assert (found.judge, list(found.runs)) == ("axis", [run.name])
    samples = read_samples(run).filter((pl.col("split") == "test") & (pl.col("method") == "toy-push"))
    assert len(found.methods["toy-push"]) == len(samples) == 6
    for asked, said in found.methods["toy-push"].items():
        (row,) = samples.filter((pl.col("target") == asked.target) & (pl.col("item") == asked.item)).to_dicts()
        assert said.text == row["text"].strip()
        assert said.rating == json.loads(row["record"])["ratings"]["E"]
        assert asked.high is (asked.target == "extraversion+")
        assert asked.question.endswith("?") or len(asked.question) > 10


def test_people_see_no_thoughts_and_no_answer_that_never_left_them(run, monkeypatch):
    samples = read_samples(run)
    items = {end: sorted(set(samples.filter(pl.col("target") == f"extraversion{end}")["item"])) for end in "+-"}
    (whole, lost, unfinished), short = items["+"], items["-"][0]
    said = {
        ("extraversion+", whole): {"text": "<think>They want a crowd.</think>\n\nI go out.", "finish": "stop"},
        ("extraversion+", lost): {"text": "", "finish": "thinking"},
        ("extraversion+", unfinished): {"text": "<think>They want", "finish": "length"},
        ("extraversion-", short): {"text": "I stay", "finish": "length"},
    }
    rows = [row | said.get((row["target"], row["item"]), {}) for row in samples.to_dicts()]
    monkeypatch.setattr("steerbench.human.sources.read_samples", lambda _: pl.DataFrame(rows, schema=samples.schema))
    found = read_sources([run]).methods["toy-push"]
    texts = {(asked.target, asked.item): answer.text for asked, answer in found.items()}
    assert texts["extraversion+", whole] == "I go out."
    assert texts["extraversion-", short] == "I stay"
    assert not {("extraversion+", lost), ("extraversion+", unfinished)} & texts.keys()


def test_trivial_methods_are_there_if_they_are_named(run):
    assert list(read_sources([run], ["fixed-text", "toy-push"]).methods) == ["fixed-text", "toy-push"]


def test_a_method_that_says_the_same_in_two_runs_is_one_method(run, tmp_path):
    again = copy_of(run, tmp_path / "again")
    assert list(read_sources([run, again]).methods) == ["toy-push", "toy-words", "unsteered"]


def test_an_unknown_method_is_answered_with_near_ones(run):
    with pytest.raises(UserError, match="toy-push"):
        read_sources([run], ["toy-pusch", "toy-words"])


def test_one_method_is_no_study(run):
    with pytest.raises(UserError, match="answers of two methods"):
        read_sources([run], ["toy-push"])


@pytest.mark.parametrize(("part", "field"), [("task", "targets"), ("judges", "trait")])
def test_runs_of_other_questions_or_another_judge_are_not_mixed(run, tmp_path, part, field):
    identity = read_result(run).identity
    identity[part] = {**identity[part], field: {"name": "other"} if part == "judges" else "other"}
    other = copy_of(run, tmp_path / "other", identity=identity)
    with pytest.raises(UserError, match=f"differ in their {part.rstrip('s')}"):
        read_sources([run, other])


def test_a_folder_without_a_run_is_an_error(tmp_path):
    with pytest.raises(UserError, match="no finished run"):
        read_sources([tmp_path])
