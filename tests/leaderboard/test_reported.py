"""Numbers of papers: each with its source, and never among the rows of runs."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from leaderboard.build import build
from leaderboard.reported import Collection, Reported, collection, metrics_of, of_task
from steerbench.plugins.finding import available
from tests.leaderboard.conftest import BOARD
from tests.leaderboard.made_up import run, write

ROW = {
    "method": "m",
    "model": "x",
    "task": "papi",
    "dataset": "d",
    "values": {"error": 1.0},
    "paper": "P",
    "table": "Table 1",
    "seen": "the paper",
    "note": "none",
}


def test_every_row_names_a_task_its_source_and_its_protocol():
    assert {row.task for row in collection().row} == {"papi", "personalitybench"}
    assert {row.task for row in collection().row} <= set(available("task"))
    for row in collection().row:
        assert re.search(r"arXiv \d{4}\.\d{5}", row.paper)
        assert re.fullmatch(r"Table \d+", row.table)


def test_the_composite_of_pas_is_the_sum_of_its_traits():
    """The two were read in different places; one mistyped would show."""
    values = next(row.values for row in of_task("papi") if row.method == "PAS" and "error A" in row.values)
    assert sum(values[f"error {trait}"] for trait in "ACENO") == pytest.approx(values["error"], abs=0.005)


def test_every_reported_error_is_worse_than_saying_neither_to_everything():
    assert min(row.values["error"] for row in of_task("papi")) > 3.79


def test_metrics_keep_the_order_that_rows_have_them_in():
    rows = [Reported(**ROW), Reported(**ROW | {"values": {"fluency": 2.0, "error": 1.0}})]
    assert metrics_of(rows) == ["error", "fluency"]


@pytest.mark.parametrize(
    "broken", [{"seen": ""}, {"values": {}}, {"values": {"error": float("nan")}}, {"source": "hearsay"}]
)
def test_a_row_without_a_source_or_a_number_is_refused(broken):
    with pytest.raises(ValidationError):
        Reported(**ROW | broken)


def test_a_paper_without_a_title_is_refused():
    with pytest.raises(ValidationError, match="papers without a title: P"):
        Collection(papers={"Q": "Title"}, row=[Reported(**ROW)])


def test_boards_of_the_task_show_them_apart_and_other_boards_do_not(tmp_path: Path):
    write(tmp_path / "results", run("one"), run("two", task="gsm8k", dataset="gsm8k"))
    build(tmp_path / "results", tmp_path / "site")
    html = (tmp_path / "site" / BOARD).read_text(encoding="utf-8")
    above, section = html.split('<section id="reported">')
    assert "4.41" in section
    assert "Table 1" in section
    assert "Nothing here was recomputed" in section
    assert not {"4.41", "DPO"} & set(re.findall(r"[\w.]+", above))
    assert "data-list" not in section
    assert "Reported in papers" not in (tmp_path / "site/boards/gsm8k/gsm8k.html").read_text(encoding="utf-8")


def test_filters_and_sorting_leave_them_alone(opened):
    page = opened()
    rows = page.locator("#reported tbody tr")
    before = rows.all_inner_texts()
    assert len(before) == len(of_task("papi"))
    page.get_by_label("Search").fill("nothing of that name")
    page.get_by_role("button", name="Time").first.click()
    assert rows.all_inner_texts() == before
    assert page.locator("#reported button").count() == 0
