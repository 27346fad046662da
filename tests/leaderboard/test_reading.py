"""Published runs are read as the data of strangers: what is wrong with one is said of it by name."""

import pytest

from leaderboard.reading import read_results
from steerbench.errors import UserError
from steerbench.publishing.columns import COLUMNS
from tests.leaderboard.made_up import put, run, samples, write


@pytest.fixture
def results(tmp_path):
    return write(tmp_path, run("one"), run("two"), run("three"))


def refusal(results):
    with pytest.raises(UserError) as caught:
        read_results(results)
    return str(caught.value)


def test_runs_are_read_by_id_with_the_hash_of_their_samples(results):
    runs = read_results(results)
    assert [one.id for one in runs] == ["one", "three", "two"]
    assert len({one.samples_sha256 for one in runs}) == 1  # made up, they answer alike


def test_a_run_without_samples_is_named(results):
    (results / "two" / "samples.parquet").unlink()
    assert refusal(results) == "'two' has no samples.parquet; publish it again."


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_samples_that_are_no_plain_file_are_not_opened(results, tmp_path, kind):
    path = results / "two" / "samples.parquet"
    path.rename(tmp_path / "elsewhere")
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.mkdir()
    assert refusal(results) == "'two' has no samples.parquet; publish it again."


def test_samples_of_another_run_are_named(results):
    put(results, run("three"), samples(run("three"), items=7))
    (results / "three" / "samples.parquet").rename(results / "two" / "samples.parquet")
    (results / "three" / "samples.parquet").write_bytes((results / "one" / "samples.parquet").read_bytes())
    told = refusal(results)
    for name in ("two", "three"):
        assert f"samples.parquet of '{name}' is not the file that its published.json names by SHA-256." in told
    assert "'one'" not in told


def test_samples_that_cannot_be_read_or_have_other_columns_are_named_together(results):
    (results / "one" / "samples.parquet").write_bytes(b"PAR1 and no more")
    put(results, run("two"), samples(run("two"), items=1).drop("edits"))
    told = refusal(results)
    assert "samples.parquet of 'one' cannot be read as Parquet" in told
    assert f"samples.parquet of 'two' does not have the columns {', '.join(COLUMNS)} with their types." in told
    assert "'three'" not in told


def test_many_refused_runs_are_counted(tmp_path):
    write(tmp_path, *(run(f"r{n}") for n in range(8)))
    for place in tmp_path.iterdir():
        (place / "samples.parquet").unlink()
    told = refusal(tmp_path)
    assert told.count("has no samples.parquet") == 5
    assert told.endswith("And 3 more.")
