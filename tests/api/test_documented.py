"""docs/how-to/python.md, as a reader would try it: every snippet after the other, on the built-in model."""

import re
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import steerbench as sb
from steerbench.cli.app import app
from steerbench.contracts.edits import Add

DOC = Path(__file__).parents[2] / "docs" / "how-to" / "python.md"


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the snippets have made."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("notebook"))
        for snippet in re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL):
            exec(compile(snippet, str(DOC), "exec"), made)
        yield made


def test_a_steering_changes_what_is_said_and_none_leaves_it(names):
    assert names["steered"] != names["plain"]
    first, *steered = names["answers"]
    assert first == names["plain"][0]
    assert steered[-1] == names["steered"][0]
    [likely] = names["likely"]
    assert likely.keys() == {" Yes", " No"}
    assert all(value < 0 for value in likely.values())
    assert names["again"].digest == names["steering"].digest
    assert all(isinstance(edit, Add) for edit in names["steering"].edits)


def test_a_runs_frames_are_its_result(names):
    run = names["run"]
    assert set(run.table["method"]) == set(run.result.methods)
    by_method = {row["method"]: row for row in run.table.to_dicts()}
    pas = run.result.methods["pas"]
    headline = next(iter(pas.metrics))
    assert by_method["pas"][headline] == pas.metrics[headline].value
    assert (by_method["pas"]["low"], by_method["pas"]["high"]) == (
        pas.metrics[headline].low,
        pas.metrics[headline].high,
    )
    assert by_method["unsteered"]["role"] == "unsteered"
    assert run.table[headline].to_list() == sorted(run.table[headline].to_list())
    told = run.metrics.filter((pl.col("method") == "pas") & (pl.col("metric") == headline))
    assert told["value"].to_list() == [pas.metrics[headline].value]
    tested = run.samples.filter((pl.col("method") == "pas") & (pl.col("split") == "test"))
    assert len(tested) == pas.items
    assert tested["target"].n_unique() == 4


def test_a_run_shows_its_board_in_a_notebook(names):
    shown = names["run"]._repr_html_()
    assert "<table>" in shown
    assert re.search(r"<td>pas(<sup>\w+</sup>)?</td>", shown)
    assert repr(names["run"]).startswith("<Run papi: pas, few-shot; runs/papi-pas-few-shot-")


def test_the_command_line_reads_the_same_folder(names):
    shown = CliRunner().invoke(app, ["show", str(names["run"].folder.absolute())])
    assert shown.exit_code == 0
    assert "few-shot" in shown.output


def test_a_run_is_read_back_and_compared(names):
    again = sb.read(names["run"].folder.absolute())
    assert again.result == names["run"].result
    compared = sb.compare(names["run"].folder.absolute(), names["fewer"].folder.absolute())
    row = compared.filter(pl.col("method") == "unsteered").to_dicts()[0]
    assert row["difference"] == 0
    assert row["targets"] == 4
    assert "pas" in compared["method"].to_list()
