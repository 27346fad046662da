"""The about page says what is true: its flags are the tasks', its figures those of its commands."""

import ast
import html
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leaderboard.pages.about import CONTENTS, FIGURES, STANDINGS, blank, command
from leaderboard.row import rows_of
from steerbench.cli.app import app
from steerbench.records.flags import all_kinds
from steerbench.records.plan import build_task, roles_of
from steerbench.records.results import read_result
from tests.leaderboard.conftest import HOSTILE, IMAGE, violations
from tests.leaderboard.made_up import method, run

ROOT = Path(__file__).parents[2]
ROWS = {found.row for found in FIGURES}


def declared_and_used() -> tuple[dict[str, str], set[str]]:
    """By name, the constant of each kind of flag that our modules declare; and the constants that are used."""
    declared, used = {}, set()
    folders = [ROOT / "tasks", ROOT / "steerbench"]
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Assign(
                    targets=[ast.Name(id=constant)],
                    value=ast.Call(func=ast.Name(id="flag_kind"), args=[ast.Constant(value=name), *_]),
                ):
                    declared[name] = constant
                case ast.Name(id=constant, ctx=ast.Load()):
                    used.add(constant)
    return declared, used


def test_the_page_explains_every_kind_of_flag_and_every_kind_is_raised_somewhere(site):
    declared, used = declared_and_used()
    assert set(declared) == set(all_kinds())
    assert len(declared) > 20
    assert {name for name, constant in declared.items() if constant not in used} == set()
    page = html.unescape((site / "about.html").read_text(encoding="utf-8"))
    for kind in all_kinds().values():
        assert f'<th scope="row">{blank(kind)}</th><td>{kind.boards}</td><td>{kind.meaning}</td>' in page


def test_hostile_values_and_kinds_of_flags_are_shown_as_text(site):
    page = (site / "runs" / "four.html").read_text(encoding="utf-8")
    assert f"<span>not more accurate than always saying {html.escape(HOSTILE)} (50 %)</span>" in page
    assert html.escape(f"{IMAGE} ({HOSTILE} {IMAGE})").replace("&quot;", "&#34;") in page
    assert HOSTILE not in page
    assert IMAGE not in page


@pytest.mark.parametrize(
    "made",
    [
        method(2.0),
        method(2.0, p=0.4),
        method(2.0, difference=1.0),
        method(2.0, against=("unsteered", "always-3", "trait-mean")),
        method(2.0, strengths={"a": 0.0}),
        method(2.0, cannot_tell="nothing to lose"),
        method(2.0, against=()),
        method(2.0, against=("unsteered",), measures_cost=True),
    ],
)
def test_the_page_explains_every_word_of_standings(made):
    """Names and numbers aside."""
    (row, *_) = rows_of(run("one", {"pas": made}))
    for part in row.standing.split("; "):
        assert any(part.startswith(word.words.removesuffix("…").strip()) for word in STANDINGS), part


def test_every_entry_of_the_contents_leads_to_its_heading(opened):
    page = opened("about.html")
    for place, words_ in enumerate(CONTENTS.values()):
        page.get_by_role("navigation", name="On this page").get_by_role("link").nth(place).click()
        heading = page.locator(f"h2:has-text('{words_}')").first
        assert page.url.endswith(f"#{heading.get_attribute('id')}")
        assert heading.evaluate("e => e.getBoundingClientRect().top") < 730
    assert page.locator("h2").count() == len(CONTENTS)


def test_every_page_links_to_it(site):
    for path in site.rglob("*.html"):
        assert re.search(r'href="(\.\./)*about\.html"', path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("path", ["about.html", "runs/one.html"])
def test_bibtex_can_be_copied(opened, path):
    page = opened(path)
    button = page.get_by_role("button", name="Copy BibTeX")
    button.click()
    page.wait_for_function("() => !document.querySelector('[data-copy=bibtex]').textContent.startsWith('Copy B')")
    entry = page.locator("#bibtex").inner_text()
    assert entry.startswith("@misc{steerbench-one," if "one" in path else "@software{steerbench,")
    assert entry.endswith("}")
    page.wait_for_function("() => document.querySelector('[data-copy=bibtex]').textContent === 'Copy BibTeX'")


def test_a_hostile_run_is_cited_inertly(opened):
    page = opened("runs/four.html")
    assert r"\textless{}script\textgreater{}" in page.locator("#bibtex").inner_text()
    assert page.evaluate("() => window.hacked") is None


def test_on_a_phone_only_tables_scroll(opened):
    page = opened("about.html", viewport={"width": 360, "height": 740})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


def test_axe_finds_nothing_on_the_about_page_and_on_a_board_with_reported_rows(audited, site):
    page = audited
    for path in ("about.html", "boards/papi/sample.html"):
        page.goto((site / path).as_uri())
        assert violations(page) == []


@pytest.mark.real_data
@pytest.mark.parametrize(("task", "rows"), [("papi", {"always-3", "trait-mean"}), ("dark_triad", ROWS)])
def test_the_figures_of_rows_without_a_model_are_what_their_command_says(task, rows, tmp_path, monkeypatch):
    """Of PAPI two rows, because all take long."""
    monkeypatch.chdir(tmp_path)
    given = command(task).split()[1:]
    place = given.index("--method") + 1
    assert set(given[place].split(",")) == ROWS
    given[place] = ",".join(sorted(rows))
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    (folder,) = (tmp_path / "runs").iterdir()
    result = read_result(folder)
    assert {found.row: getattr(found, task) for found in FIGURES if found.row in rows} == {
        name: round(row.metrics["error"].value or 0.0, 2) for name, row in result.methods.items()
    }
    roles = roles_of(build_task(result.plan))
    assert {found.row: found.role for found in FIGURES} == {name: roles[name] for name in ROWS}
