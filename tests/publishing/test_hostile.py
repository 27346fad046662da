"""Published runs from somebody who means harm: each is refused in a sentence, and nothing in it runs."""

import json
import pickle
import subprocess
import sys
import time

import polars as pl
import pytest

from steerbench.publishing import weighing
from steerbench.publishing.checking import check, problems
from steerbench.publishing.columns import COLUMNS
from steerbench.publishing.reading import readable
from steerbench.publishing.schema import DEEPEST, LONGEST, is_too_deep
from tests.publishing.world import copied, edit, edit_samples, published, put, vouch


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return published(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def run(toy, tmp_path):
    return copied(toy, tmp_path / "results")


def only(run):
    """The one complaint, which says no more than it has to and nothing that steers a terminal."""
    told = problems(run)
    assert len(told) == 1, told
    assert len(told[0]) < 1500
    assert told[0].isprintable()
    return told[0]


def row(told):
    return told["methods"]["toy-push"]


def error(told):
    return row(told)["metrics"]["error"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda t: t.update(model="<script>alert(1)</script>" * 20), "run that this version can read: model"),
        (lambda t: t.update(command="x" * 10_000_000), "is larger than 5,000,000 bytes"),
        (lambda t: t["identity"].update(more="x" * 4_000_000), f"a text of more than {LONGEST:,} characters"),
        (lambda t: t["identity"].update({"x" * 4_000_000: 1}), f"a text of more than {LONGEST:,} characters"),
        (lambda t: row(t).update(flags=["x" * 40_000]), f"a text of more than {LONGEST:,} characters"),
        (lambda t: error(t).update(value=float("nan")), "methods.toy-push.metrics.error.value"),
        (lambda t: error(t).update(high=float("inf")), "methods.toy-push.metrics.error.high"),
        (lambda t: error(t).update(value="0.5"), "metrics.error.value (Input should be a valid number"),
        (lambda t: error(t).update(value=[0.5]), "methods.toy-push.metrics.error.value"),
        (lambda t: error(t).update(n=True), "methods.toy-push.metrics.error.n"),
        (lambda t: t.update(targets=-1), "targets (Input should be greater than or equal to 1)"),
        (lambda t: t.update(methods={}), "methods (Dictionary should have at least 1 item"),
        (lambda t: t.update(identity=[1]), "identity (Input should be an object"),
        (lambda t: t.update(schema_version=1, methods="of another kind"), "has schema 1, but this version reads 2"),
        (lambda t: t.update(schema_version="x"), "schema_version"),
        (lambda t: t.update(more=1), "more (Extra inputs are not permitted)"),
        (lambda t: t.update(id="../../etc"), "id (String should match pattern"),
        (lambda t: t.update(id="another-id"), "is called 'another-id', but its folder is"),
        (lambda t: t["timings"].update(peak_memory_bytes=1e400), "peak_memory_bytes"),
    ],
)  # fmt: skip
def test_what_published_json_must_not_hold(run, change, complaint):
    edit(run, change)
    assert complaint in only(run)


@pytest.mark.parametrize("deep", ["[" * 200_000, '{"a":' * 200_000, '{"identity": ' + "[" * 100 + "]" * 100 + "}"])
def test_json_is_not_parsed_if_it_nests_deep(run, deep):
    (run / "published.json").write_text(deep)
    assert f"is nested more than {DEEPEST} levels deep" in only(run)


def test_brackets_in_texts_are_no_nesting_and_telling_takes_linear_time():
    assert not is_too_deep(json.dumps({"a": "[" * 100 + '\\"' + "{" * 100}).encode())
    assert is_too_deep(json.dumps("\\").encode() + b"[" * (DEEPEST + 1))
    started = time.process_time()
    is_too_deep(b'"' + b'\\"' * 2_000_000)
    is_too_deep(b'"' * 4_000_000)
    assert time.process_time() - started < 10


@pytest.mark.parametrize("text", ["", "{", "null", "\x00", '{"id": 1}', "\ud800"])
def test_what_is_no_published_run_is_refused(run, text):
    (run / "published.json").write_bytes(text.encode(errors="surrogatepass"))
    assert "is not a published run that this version can read" in only(run)


def test_a_name_that_steers_a_terminal_is_shown_inert(run):
    edit(run, lambda told: told["plan"].update(model="\x1b]0;owned\x07\u202e" + "x" * 9000))
    told = problems(run)
    assert told
    assert all(one.isprintable() and len(one) < 1500 for one in told)
    assert readable("a\x1b[2J\nb") == "a?[2J?b"


@pytest.mark.parametrize("name", ["run.py", ".hidden", "conftest.py", "samples.parquet.bak"])
def test_other_files_beside_them_are_refused(run, name):
    (run / name).write_text("raise SystemExit('executed')")
    assert f"has '{name}' too" in only(run)


def test_a_missing_file_is_named(run):
    (run / "samples.parquet").unlink()
    assert "has no samples.parquet" in only(run)


@pytest.mark.parametrize("name", ["published.json", "samples.parquet"])
def test_links_are_not_followed(run, tmp_path, name):
    (run / name).rename(tmp_path / name)
    (run / name).symlink_to(tmp_path / name)
    assert f"has a {name} that is not a regular file" in only(run)


def test_a_link_to_a_run_elsewhere_is_refused(run, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / run.name).symlink_to(run)
    report = check(tmp_path / "other")
    assert report.folders == 1
    assert report.problems == [f"{run.name}: is a link; a published run has to be a folder."]


def test_a_folder_in_place_of_a_file_is_refused(run):
    (run / "samples.parquet").unlink()
    (run / "samples.parquet").mkdir()
    assert "has a samples.parquet that is not a regular file" in only(run)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\x00" * 1000 + b"PAR1", pickle.dumps({"a": 1})])
def test_samples_that_are_no_parquet_are_refused(run, content):
    (run / "samples.parquet").write_bytes(content)
    vouch(run)
    assert "samples.parquet cannot be read as Parquet" in only(run)


def test_a_broken_page_is_refused(run):
    path = run / "samples.parquet"
    content = bytearray(path.read_bytes())
    content[40:400] = b"\xff" * 360
    path.write_bytes(bytes(content))
    vouch(run)
    assert "samples.parquet" in only(run)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.with_columns(pl.lit(b"\x80\x04.").alias("pickled")),
        lambda f: f.drop("edits"),
        lambda f: f.with_columns(pl.col("text").cast(pl.Binary)),
        lambda f: f.with_columns(pl.col("logprobs").cast(pl.List(pl.String))),
        lambda f: f.with_columns(pl.struct("strength").alias("strength")),
        lambda f: f.with_columns(pl.col("wording").cast(pl.Int32)),
    ],
)
def test_only_the_columns_that_samples_have_are_read(run, change):
    edit_samples(run, change)
    assert "samples.parquet does not have the columns method, target" in only(run)


def repeated(rows, **values):
    """One row, so many times."""
    return pl.select(pl.repeat(values.get(name), rows, dtype=kind).alias(name) for name, kind in COLUMNS.items())


def test_a_few_kilobytes_that_unfold_to_many_rows_are_refused(run):
    edit_samples(run, lambda _: repeated(weighing.MOST_ROWS + 1))
    assert (run / "samples.parquet").stat().st_size < 1_000_000
    assert "has more than 2,000,000 rows" in only(run)


def test_a_text_of_ten_megabytes_is_refused(run):
    edit_samples(run, put("toy-push", "p0", "i7", text="x" * 10_000_000))
    assert "has a text of more than 200,000 bytes in 'text'" in only(run)


def test_one_text_repeated_until_nothing_else_has_room_is_refused(run):
    edit_samples(run, lambda _: repeated(6000, text="x" * 199_000))
    assert (run / "samples.parquet").stat().st_size < 1_000_000
    assert "decompresses to more than 1,000,000,000 bytes" in only(run)


def test_an_answer_of_endless_options_is_refused(run):
    edit_samples(run, put("toy-push", "p0", "i7", logprobs=[0.0] * 1001))
    assert "has an answer with more than 1000 options" in only(run)


def test_a_file_that_is_too_large_is_not_opened(run, monkeypatch):
    monkeypatch.setattr(weighing, "LARGEST", 10)
    assert "samples.parquet is larger than 10 bytes" in only(run)


def test_who_reads_first_has_little_memory():
    greedy = "from steerbench.publishing import weighing; weighing._limit_memory(); bytearray(weighing.MEMORY)"
    done = subprocess.run([sys.executable, "-c", greedy], capture_output=True, text=True)
    assert "MemoryError" in done.stderr


def test_verdicts_that_nest_deep_are_not_parsed(run):
    edit_samples(run, put("toy-push", "p0", "i7", verdicts="[" * 100_000))
    assert "its verdicts are nested too deep" in only(run)


@pytest.mark.parametrize("value", ["../../../etc/passwd", "/etc/passwd", "c:\\secret", "questions.jsonl", "~/x"])
def test_no_file_that_a_plan_names_is_opened(run, value):
    edit(run, lambda told: told["plan"].update(task="personalitybench", task_parameters={"dataset": value}))
    assert any("a published run has to use data of the registry" in one for one in problems(run))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"task": "os"}, "os"),
        ({"task_parameters": {"limits": 3}}, "limits"),
        ({"task_parameters": {"respondents": "many"}}, "respondents"),
        ({"task_parameters": {"respondents": 10**18}}, "toy.respondents is more than 1,000,000; no task is that large"),
    ],
)
def test_a_plan_that_names_nothing_there_is_refused(run, change, complaint):
    edit(run, lambda told: told["plan"].update(change))
    assert any(complaint in one for one in problems(run))


def test_a_folder_of_bad_runs_is_checked_to_its_end(toy, tmp_path):
    for name in ("a", "b=1", "c\x1b[2Jc"):
        (tmp_path / name).mkdir()
    copied(toy, tmp_path)
    (tmp_path / "README.md").touch()
    report = check(tmp_path)
    assert report.folders == 4
    assert report.problems == [f"{name}: has no published.json." for name in ("a", "b=1", "c?[2Jc")]
