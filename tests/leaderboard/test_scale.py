"""Many runs: what a board brings at first stays small, and the rest follows. `many.py` makes the thousands."""

import json
from pathlib import Path
from typing import Any

import pytest

from leaderboard.build import build
from leaderboard.pages.board import FIRST
from tests.leaderboard.many import main

RUNS, SAMPLES = 200, 40
BOARD = "boards/papi/sample.html"
ON_BOARD = RUNS // 2
MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    main([str(folder / "results"), "--runs", str(RUNS), "--samples", str(SAMPLES)])
    built = build(folder / "results", folder / "site")
    assert (built.runs, built.boards) == (RUNS, 4)
    return folder / "site"


def test_every_run_has_its_page_its_data_and_all_its_samples(site):
    assert len(list((site / "runs").glob("*.html"))) == len(list((site / "api" / "runs").glob("*.json"))) == RUNS
    for folder in [place for place in (site / "runs").iterdir() if place.is_dir()]:
        questions, *methods = (
            _data(folder / f"{name}.js") for name in ("questions", *(f"method-{n}" for n in range(4)))
        )
        assert sum(len(answers) for answers in methods) == SAMPLES
        assert {len(answers) for answers in methods} == {len(questions)}


def test_a_board_holds_its_first_rows_and_the_rest_follow(site):
    html = (site / BOARD).read_text(encoding="utf-8")
    rest = (site / BOARD.replace(".html", "-1.js")).read_text(encoding="utf-8")
    methods = 2 * ON_BOARD
    assert html.count('<tr class="better"') + html.count('<tr class="same"') == FIRST
    assert rest.count('["strict-methods"') == methods - FIRST


def test_the_first_load_of_a_long_board_is_under_a_megabyte(browser, site):
    page = browser.new_page()
    answered: list[str] = []
    page.on("response", lambda response: answered.append(response.url))
    page.goto((site / BOARD).as_uri())
    at_first = sum(_size(url) for url in answered)
    page.wait_for_function(f"() => document.getElementById('count').textContent.startsWith('{2 * ON_BOARD} of')")
    assert 0 < at_first < MOST_BYTES
    # Ten times as many runs bring no more of it: the page holds as many rows, and names a script for 500 others.
    assert (site / BOARD).stat().st_size < MOST_BYTES / 4
    page.close()


def test_a_search_and_a_sort_go_over_all_rows(browser, site):
    page = browser.new_page()
    page.goto((site / BOARD).as_uri())
    page.wait_for_function(f"() => document.getElementById('count').textContent.startsWith('{2 * ON_BOARD} of')")
    values = [row["error"] for row in _rows(site)]
    page.get_by_role("button", name="error").first.click()
    first = page.locator('tbody[data-list="strict-methods"] tr').first.locator("td.headline").get_attribute("data-v")
    assert float(first) == max(values)
    page.get_by_label("Search").fill("cut off")
    flagged = sum(bool(row["flags"]) for row in _rows(site))
    assert page.locator("#count").inner_text() == f"{flagged} of {2 * ON_BOARD} rows"
    page.close()


def _rows(site: Path) -> list[dict[str, Any]]:
    """The rows of the board that are methods, from the data of all runs."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in (site / "api" / "runs").glob("papi-*.json")]
    rows = [row for run in runs for row in run["methods"].values() if row["role"] is None]
    return [{"error": row["metrics"]["error"]["value"], "flags": row["flags"]} for row in rows]


def _data(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8").removesuffix(");\n").partition(",")[2])


def _size(url: str) -> int:
    return Path(url.removeprefix("file://").partition("#")[0]).stat().st_size
