"""The built site in a browser, over http and from disk. Nothing may leave the folder or complain on the console."""

from typing import Any

import pytest

from leaderboard.build import build
from tests.leaderboard.conftest import BOARD, violations
from tests.leaderboard.made_up import method, run, write

STRICT = 'tbody[data-list="strict-methods"] tr'
BESIDE = 'tbody[data-list^="strict-"]:not([data-list="strict-methods"]) tr'


def named(page: Any, rows: str = STRICT) -> list[str]:
    names: list[str] = page.locator(rows).evaluate_all(
        "rows => rows.map((r) => `${r.dataset.method} ${r.dataset.model}`)"
    )
    return names


ALL = ["pas qwen", "pas smollm2-135m", "npti smollm2-135m", "p2 smollm2-135m", "caa qwen"]


def test_the_front_page_leads_to_boards_and_boards_to_runs(opened):
    page = opened("index.html")
    page.get_by_role("link", name="papi").last.click()
    assert page.get_by_role("heading", level=1).inner_text() == "papi on sample"
    page.get_by_role("link", name="pas").first.click()
    assert page.get_by_role("heading", level=1).inner_text() == "papi on sample"
    assert page.locator("tr:target th").inner_text().startswith("pas")


def test_a_header_sorts_and_sorts_the_other_way(opened):
    page = opened()
    assert named(page) == ALL
    page.get_by_role("button", name="error").first.click()
    assert named(page) == ALL[::-1]
    assert page.get_by_role("columnheader", name="error").first.get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="Time").first.click()
    assert {name.split()[1] for name in named(page)[:2]} == {"qwen"}  # 18 s against 4 s
    page.get_by_role("button", name="Method").first.click()
    assert [name.split()[0] for name in named(page)] == ["caa", "npti", "p2", "pas", "pas"]


def test_filters_keep_the_rows_to_beat_of_the_model(opened):
    page = opened()
    page.get_by_label("Method").select_option("npti")
    assert named(page) == ["npti smollm2-135m"]
    assert len(named(page, BESIDE)) == 4
    assert page.locator("#count").inner_text() == "1 of 6 rows"
    page.get_by_label("Method").select_option("")
    page.get_by_label("Model").select_option("qwen")
    assert named(page) == ["pas qwen", "caa qwen"]
    assert named(page, BESIDE) == ["unsteered qwen", "always-3 qwen"]


def test_a_protocol_can_be_looked_at_alone(opened):
    page = opened()
    page.get_by_role("combobox", name="Protocol").select_option("published")
    assert page.get_by_role("heading", level=2).all_inner_texts() == ["Published protocol", "Reported in papers"]
    assert page.locator("#count").inner_text() == "1 of 6 rows"


def test_search_finds_words_of_flags_names_and_standings(opened):
    page = opened()
    page.get_by_label("Search").fill("token LIMIT")
    assert named(page) == ["pas smollm2-135m"]
    page.get_by_label("Search").fill("not shown to MOVE")
    assert named(page) == ["p2 smollm2-135m", "caa qwen"]
    assert len(named(page, BESIDE)) == 4
    page.get_by_label("Search").fill("nothing of that name")
    assert named(page) == []
    page.get_by_role("button", name="Clear").click()
    page.wait_for_selector(STRICT)
    assert named(page) == ALL


def test_the_address_holds_what_is_chosen(opened):
    page = opened()
    page.get_by_label("Model").select_option("qwen")
    page.get_by_label("Search").fill("a")
    page.get_by_role("button", name="Method").first.click()
    assert page.url.endswith("#q=a&model=qwen&sort=0-ascending")
    page.reload()
    assert named(page) == ["caa qwen", "pas qwen"]
    assert page.get_by_label("Model").input_value() == "qwen"
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("() => !location.hash")
    assert page.url.endswith("sample.html")


def test_a_link_to_a_view_opens_it_and_one_that_is_nonsense_opens_all(opened):
    page = opened(f"{BOARD}#method=caa")
    assert named(page) == ["caa qwen"]
    page = opened(f"{BOARD}#method=%3Cscript%3E&sort=99-sideways&model=no-such&elements=x")
    assert named(page) == ALL


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_theme_follows_the_system_until_it_is_chosen(opened, scheme, dark):
    page = opened(color_scheme=scheme)

    def lightness() -> int:
        rgb = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in rgb.removeprefix("rgb(").removesuffix(")").split(","))

    assert (lightness() < 200) is dark
    button = page.get_by_role("button", name="Theme")
    button.click()
    assert button.inner_text() == "light"
    assert lightness() > 700
    button.click()
    assert lightness() < 200
    page.reload()
    assert lightness() < 200


@pytest.mark.parametrize("path", ["index.html", BOARD, "runs/one.html", "runs/four.html"])
def test_a_phone_never_scrolls_sideways_but_in_tables(opened, path):
    page = opened(path, viewport={"width": 360, "height": 740})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


def test_a_script_in_a_name_does_nothing(opened, site):
    for file in ["index.html", "runs/four.html", *(f"boards/papi/{p.name}" for p in (site / "boards/papi").iterdir())]:
        page = opened(file)
        assert page.evaluate("() => window.hacked") is None
        assert page.evaluate("() => document.images.length") == 0


def test_everything_on_a_board_can_be_reached_by_keyboard(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
    page.get_by_role("button", name="Method").first.focus()
    page.keyboard.press("Enter")
    assert [name.split()[0] for name in named(page)] == ["caa", "npti", "p2", "pas", "pas"]


def test_axe_finds_nothing_that_keeps_people_out(audited, site):
    page = audited
    for path in ("index.html", BOARD, "runs/one.html"):
        page.goto((site / path).as_uri())
        assert violations(page) == []


def test_the_command_can_be_copied_whole(opened):
    page = opened("runs/one.html")
    page.get_by_role("button", name="Copy", exact=True).click()
    page.wait_for_function("() => document.querySelector('[data-copy]').textContent !== 'Copy'")
    assert page.locator("#command").evaluate("e => e.textContent") == "steerbench run --method pas --task papi"


def test_a_long_board_comes_whole_and_shows_more_when_asked(browser, tmp_path):
    runs = [run(f"r{n:03d}", {"pas": method(1 + n / 1000)}, model=f"m{n % 10}") for n in range(230)]
    build(write(tmp_path / "results", *runs), tmp_path / "site")
    page = browser.new_page()
    page.goto((tmp_path / "site" / BOARD).as_uri())
    page.wait_for_function("() => document.getElementById('count').textContent === '230 of 230 rows'")
    assert page.locator(STRICT).count() == 200
    page.get_by_role("button", name="Show more of the 30").click()
    assert page.locator(STRICT).count() == 230
    page.get_by_role("button", name="error").first.click()
    assert page.locator(STRICT).first.locator("a").get_attribute("href") == "../../runs/r229.html#method-0"
    assert (tmp_path / "site" / BOARD).stat().st_size < 300_000
    page.close()
