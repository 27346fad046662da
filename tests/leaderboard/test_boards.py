"""Boards: which metrics get a column, boards of cost, and what a row took."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from leaderboard.boards import METRICS, boards_of
from leaderboard.build import build
from leaderboard.row import judges_of, rows_of
from steerbench.publishing.schema import Published
from steerbench.records.results import MethodResult, MethodTiming, Timings
from tests.leaderboard.conftest import BOARD
from tests.leaderboard.made_up import ROLES, TRIVIAL, method, metric, run, write


def with_metrics(*names: str) -> MethodResult:
    return method(2.0).model_copy(update={"metrics": {name: metric(1.0) for name in names}})


def cost_run(made: MethodResult, **fields: object) -> Published:
    rows = {"pas": made, "unsteered": method(0.4, "unsteered")}
    return run("cost", rows, task="gsm8k", dataset="gsm8k", measures_cost=True, over="problems", **fields).model_copy(
        update={"methods": rows}
    )


def timed(evaluate: Mapping[str, float], **fields: object) -> Published:
    timings = {name: MethodTiming(fit=1.0, evaluate=seconds) for name, seconds in evaluate.items()}
    return run("one", timings=Timings(methods=timings, peak_memory_bytes=5 * 2**29), **fields)


def test_a_board_shows_what_steering_spoils_before_what_is_merely_common():
    rich = with_metrics("score", "a", "b", "c", "d", "missing rate", "individual r", "fluency")
    poor = {name: with_metrics("score", "a", "b", "c", "d") for name in ("m", "n", "o")}
    only = {name: with_metrics("score", "a", "b", "c", "d") for name in TRIVIAL}
    runs = [run(name, {name: made, **only}) for name, made in poor.items()]
    (board,) = boards_of([*runs, run("rich", {"rich": rich, **only})])
    assert board.columns == ["score", "individual r", "fluency", "missing rate", "a"]
    assert len(board.columns) == METRICS + 1


def test_a_preferred_metric_that_is_the_headline_stands_once():
    only = {name: with_metrics("fluency", "a") for name in TRIVIAL}
    (board,) = boards_of([run("one", {"pas": with_metrics("fluency", "a"), **only})])
    assert board.columns == ["fluency", "a"]


def card(tmp_path: Path, *runs: Published) -> str:
    build(write(tmp_path / "results", *runs), tmp_path / "site")
    return (tmp_path / "site/index.html").read_text(encoding="utf-8")


def test_the_share_of_the_ceiling_stands_beside_the_headline():
    rows = {name: with_metrics("error", "individual r", "share of ceiling") for name in ("pas", *TRIVIAL)}
    (board,) = boards_of([run("one", rows)])
    assert board.columns == ["error", "share of ceiling", "individual r"]


def test_a_card_counts_each_method_once_by_what_it_was_shown_to_do(tmp_path: Path):
    rows = {
        "pas": method(2.0),
        "npti": method(2.5, p={"unsteered": 0.001, "always-3": 0.2}),
        "caa": method(2.2),
        "p2": method(3.2, p=0.5),
    }
    html = card(tmp_path, run("one", rows), run("two", {"npti": method(2.9, p=0.5)}))
    assert "3 of 4 move the model, 2 beat constants<" in html


def test_a_card_of_a_board_that_cannot_tell_says_so(tmp_path: Path):
    html = card(tmp_path, run("one", {"pas": method(2.0, cannot_tell="copy reads nobody")}))
    assert ">Cannot tell<" in html


def test_a_card_ends_with_the_best_constant_and_the_ceiling(tmp_path: Path):
    others = {"ceiling": method(1.0, "ceiling"), "trait-mean": method(1.5, "reference")}
    html = card(tmp_path, run("one", {"pas": method(2.0), **others}))
    named = re.findall(r'<tr class="(\w+)"><th scope="row">([\w-]+)', html)
    assert named == [("better", "pas"), ("beside", "always-3"), ("beside", "ceiling")]


def test_a_board_and_a_card_of_cost_say_so_and_grey_nothing(tmp_path: Path):
    made = method(0.5, p=0.4, difference=0.02, against=("unsteered",), measures_cost=True)
    home = card(tmp_path, cost_run(made))
    board = (tmp_path / "site/boards/gsm8k/gsm8k.html").read_text(encoding="utf-8")
    run_page = (tmp_path / "site/runs/cost.html").read_text(encoding="utf-8")
    assert '<tr class="kept" data-method="pas"' in board
    assert "This board measures side effects of steering" in board
    assert "The dashed line is the unsteered model" in board
    assert "No loss found (one of 0.4 would be, four times in five)." in run_page
    assert "What does it cost?" in home
    assert "Does it work?" not in home
    assert "No loss found in 1<" in home
    for html in (board, home):
        assert 'class="kept"' in html
        assert 'class="same"' not in html


def test_rows_that_are_no_method_stand_below_by_what_they_are_there_for(tmp_path: Path):
    others = {name: method(3.0, role) for name, role in ROLES.items()}
    build(write(tmp_path / "results", run("one", {"pas": method(2.0), **others})), tmp_path / "site")
    html = (tmp_path / "site" / BOARD).read_text(encoding="utf-8")
    told = re.findall(r'scope="rowgroup"><span>(.*?): <small>|<tr class="beside" data-method="([\w-]+)"', html)
    assert [band or name for band, name in told] == [
        "Unsteered and placebo", "random-direction", "unsteered",
        "Constants", "always-3",
        "References to beat", "trait-mean",
        "Ceiling", "ceiling",
        "Controls", "copy",
    ]  # fmt: skip
    assert "trivial" not in re.sub(r"<[^>]*>", "", html).lower()
    assert "the solid one the ceiling" in html


def test_every_row_says_its_median_strength_and_how_many_targets_are_steered(tmp_path: Path):
    made = method(2.0, strengths={"a": 0.0, "b": 3.0, "c": 4.5})
    build(write(tmp_path / "results", run("one", {"pas": made})), tmp_path / "site")
    html = (tmp_path / "site" / BOARD).read_text(encoding="utf-8")
    assert re.search(r'data-method="pas".*?data-v="3">3.00<small class="asked">steered 2/3</small>', html, re.DOTALL)


def test_speed_is_seconds_per_thousand_answers():
    rows = {row.name: row for row in rows_of(timed({"pas": 3.0, "unsteered": 2.0, "always-3": 0.0}))}
    assert rows["pas"].pace == pytest.approx(50.0)  # 60 answers in 3 s
    assert rows["unsteered"].pace == pytest.approx(2000 / 60)
    assert rows["always-3"].pace is None


@pytest.mark.parametrize("seconds", [1e308, -5.0, 0.0])
def test_a_speed_that_cannot_be_is_none(seconds):
    assert rows_of(timed({"pas": seconds}))[0].pace is None


def test_a_row_reads_method_model_effect_standing_metrics_strength_time_speed_memory(tmp_path: Path):
    build(write(tmp_path / "results", timed({"pas": 3.0, "unsteered": 2.0})), tmp_path / "site")
    html = (tmp_path / "site" / BOARD).read_text(encoding="utf-8")
    heads = [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<th scope=\"col\".*?>(.*?)</th>", html)]
    wanted = ["Method", "Model", "error", "What to know", "individual r", "Strength median"]
    wanted += ["Time", "Speed per 1,000", "Memory"]
    assert heads[: len(wanted)] == wanted
    row = re.search(r'<tr class="better" data-method="pas".*?</tr>', html, re.DOTALL)[0]
    assert re.findall(r'data-v="([^"]*)"', row) == ["2", "0.25", "1", "4.0", "50", str(5 * 2**29)]
    assert "2.5 GiB" in row
    assert row.index("hf bfloat16") < row.index("axis") < row.index("<svg")


def test_a_board_sorts_by_speed_and_by_memory(opened):
    page = opened()
    strict = page.locator('tbody[data-list="strict-methods"] tr')
    page.get_by_role("button", name="Speed").first.click()
    assert {row.get_attribute("data-model") for row in strict.all()[:2]} == {"qwen"}  # 9 s against 2 s
    page.get_by_role("button", name="Memory").first.click()
    assert page.get_by_role("columnheader", name="Memory").first.get_attribute("aria-sort") == "descending"


def test_rows_to_beat_of_different_editions_of_a_judge_stand_apart():
    first = run("one")
    told = first.judges["trait"]
    second = run("two", judges={"trait": told.model_copy(update={"identity": {**told.identity, "edition": "2"}})})
    assert [judges_of(one) for one in (first, second)] == ["axis", "axis (edition 2)"]

    def to_beat(*runs: Published) -> int:
        return sum(len(rows) for board in boards_of(runs) for _, rows in board.bands("strict"))

    assert to_beat(first, second) == 2 * to_beat(first) > 0
    assert to_beat(first, run("two")) == to_beat(first)
