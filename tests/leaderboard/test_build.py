"""What a build writes, and what it refuses."""

import json
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from leaderboard.build import build
from leaderboard.text import MINUS
from steerbench.errors import UserError
from steerbench.publishing.schema import read_published
from tests.leaderboard.conftest import HOSTILE, IMAGE
from tests.leaderboard.made_up import method, metric, run, write


class Links(HTMLParser):
    """Every address that a page names, and the tags that stand in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]
        self.links += [path for name, value in attrs if name == "data-more" for path in value.split()]
        assert not [name for name, _ in attrs if name.startswith("on")]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def every_link_leads_to_a_file(site: Path, pages: Iterable[Path]) -> set[str]:
    """Relative links lead to files of the site and to places in them; the others are returned."""
    outside = set()
    for page in pages:
        for link in Links(text_of(page)).links:
            parts = urlsplit(link)
            if (parts.scheme, parts.netloc, link[:1] == "/") != ("", "", False):
                outside.add(link)
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert target.is_relative_to(site.resolve()), (page, link)
            assert target.is_file(), (page, link)
            # What has an = is a state of the page, and no place in it.
            if parts.fragment and "=" not in parts.fragment and target.suffix == ".html":
                assert f'id="{unquote(parts.fragment)}"' in text_of(target), (page, link)
    return outside


def test_every_link_of_every_page_is_relative_and_leads_to_a_file_of_the_site(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 1 + 2 + 4  # the front page, two boards, four runs, and what is about all of them
    assert every_link_leads_to_a_file(site, pages) == set()


def test_nothing_in_the_site_names_another_host(site):
    for file in site.rglob("*"):
        # vega names namespaces and its own documentation; what it asks for, the browser tests see.
        if file.suffix in (".html", ".js", ".css") and file.name != "vega.js":
            text = text_of(file).replace("http://www.w3.org/2000/svg", "")  # a namespace: nothing is asked of it
            assert not re.findall(r"(?:https?:)?//[a-z]", text), file


def test_a_script_in_a_name_is_shown_and_not_run(site):
    hostile = [page for page in site.rglob("*.html") if "window.hacked" in text_of(page)]
    assert {page.parent.name for page in hostile} >= {"papi", "runs"}
    for page in hostile:
        assert HOSTILE not in text_of(page)
        assert "&lt;script&gt;window.hacked" in text_of(page)
        assert "img" not in Links(text_of(page)).tags


def test_names_that_would_leave_the_folder_become_plain_ones(site):
    (board,) = [page for page in (site / "boards" / "papi").iterdir() if page.name != "sample.html"]
    assert re.fullmatch(r"up-[0-9a-f]{8}\.html", board.name)


def test_a_board_orders_its_rows_and_keeps_what_is_no_method_and_the_published_ones_apart(site):
    html = text_of(site / "boards" / "papi" / "sample.html")
    lists = dict(re.findall(r'<tbody data-list="([a-z-]+)">(.*?)</tbody>', html, re.DOTALL))
    named = {name: re.findall(r'data-method="([^"]*)" data-model="([^"]*)"', rows) for name, rows in lists.items()}
    small, other = "smollm2-135m", "qwen"
    assert named == {
        "strict-methods": [("pas", other), ("pas", small), ("npti", small), ("p2", small), ("caa", other)],
        "strict-plain": [("unsteered", small), ("unsteered", other)],
        "strict-constants": [("always-3", small), ("always-3", other)],
        "published-methods": [("pas", small)],
        "published-plain": [("unsteered", small)],
        "published-constants": [("always-3", small)],
    }


def test_a_row_that_moves_nothing_or_is_worse_is_greyed_in_words(site):
    html = text_of(site / "boards" / "papi" / "sample.html")
    rows = re.findall(r'<tr class="(\w+)" data-method="(\w+)"', html)
    assert set(rows) == {
        ("better", "pas"), ("partly", "npti"), ("same", "p2"), ("same", "caa"), ("beside", "unsteered"),
    }  # fmt: skip
    for phrase in (
        "beats constants",
        "moves the model",
        "not shown to move the model",
        "worse than unsteered and 1 more",
    ):
        assert f">{phrase}" in html or f"; {phrase}" in html, phrase
    page = text_of(site / "runs" / "one.html")
    assert "Moves the model; not better than always-3." in page


def test_the_drawing_stands_where_the_numbers_say(site):
    html = text_of(site / "boards" / "papi" / "sample.html")
    found = re.search(
        r'data-method="pas" data-model="qwen".*?d="M([\d.]+) 0V16".*?M([\d.]+) 8H([\d.]+).*?cx="([\d.]+)"',
        html,
        re.DOTALL,
    )
    reference, low, high, middle = map(float, found.groups())
    # From 0.8 (the published 1.0 less 0.2) to 4.2 (unsteered 4.0 and 0.2) on 148 units after a margin of 6.
    expected = [round(6 + 148 * (value - 0.8) / 3.4, 1) for value in (3.0, 1.3, 1.7, 1.5)]
    assert [reference, low, high, middle] == expected


def test_rows_to_beat_that_runs_share_stand_once(tmp_path):
    write(tmp_path / "results", run("one"), run("two"))
    build(tmp_path / "results", tmp_path / "site")
    html = text_of(tmp_path / "site" / "boards" / "papi" / "sample.html")
    assert html.count('data-method="pas"') == 2
    assert html.count('data-method="unsteered"') == 1


def test_long_boards_go_on_in_scripts(tmp_path):
    write(tmp_path / "results", *(run(f"r{n:03d}", {"pas": method(1 + n / 1000)}) for n in range(130)))
    build(tmp_path / "results", tmp_path / "site")
    page = tmp_path / "site" / "boards" / "papi" / "sample.html"
    script = text_of(page.with_name("sample-1.js"))
    pairs = json.loads(script.removeprefix("steerbenchRows(").removesuffix(");\n"))
    assert text_of(page).count('data-method="pas"') == 100
    assert [name for name, _ in pairs] == ["strict-methods"] * 30
    assert all(html.startswith("<tr ") and html.endswith("</tr>") for _, html in pairs)
    assert "../../runs/r100.html#method-0" in pairs[0][1]


def test_the_data_are_the_published_runs_themselves(site):
    for name in ("one", "two", "three", "four"):
        samples = site.parent / "results" / name / "samples.parquet"
        assert (site / "api" / "runs" / f"{name}.parquet").read_bytes() == samples.read_bytes()
    index = json.loads(text_of(site / "api" / "index.json"))
    assert [entry["id"] for entry in index["runs"]] == ["four", "one", "three", "two"]
    for entry in index["runs"]:
        assert (site / entry["page"]).is_file()
        again = json.loads(text_of(site / entry["data"]))
        published = read_published(site.parent / "results" / entry["id"])
        assert type(published).model_validate(again) == published
    assert index["runs"][0]["methods"][:2] == [HOSTILE, IMAGE]


def test_a_run_page_says_what_was_run_and_what_came_out(site):
    html = text_of(site / "runs" / "one.html")
    assert "steerbench run" in html
    assert "--method pas" in html
    for said in ("3.0 GiB", "error A", "1.80, 2.20", "AUC trait", "0.93", "20 % cut off", "bfloat16", "1.50"):
        assert said in html, said
    assert "strength chosen on the test items" in text_of(site / "runs" / "three.html")


def test_a_comparison_says_its_interval_and_what_the_run_could_have_shown(tmp_path):
    rows = {"pas": method(2.0, p={"unsteered": 0.001, "always-3": 0.2}, difference=-1.25)}
    few = {"pas": method(2.0, p=0.5)}
    short = [one.model_copy(update={"n": 4, "smallest": None}) for one in few["pas"].comparisons]
    few["pas"] = few["pas"].model_copy(update={"comparisons": short})
    build(write(tmp_path / "results", run("one", rows), run("few", few)), tmp_path / "site")
    html = text_of(tmp_path / "site" / "runs" / "one.html")
    table = re.search(r'<table class="matrix against">.*?</table>', html, re.DOTALL)[0]
    cells = [re.sub(r"<[^>]*>", " ", cell).split() for cell in re.findall(r"<td.*?</td>", table)]
    difference = f"{MINUS}1.250 [{MINUS}1.750, {MINUS}0.750]"
    assert [" ".join(cell) for cell in cells] == [
        f"better {difference} p = 0.001, Holm 0.001 could show 0.400",
        f"not significant {difference} p = 0.200, Holm 0.200 could show 0.400",
    ]
    assert "over the same people" in html
    assert "too few to show any" in text_of(tmp_path / "site" / "runs" / "few.html")


def test_a_number_without_an_interval_says_why(tmp_path):
    why = "no interval from fewer than 6"
    open_ended = metric(2.0).model_copy(update={"low": None, "high": None, "note": why})
    made = method(2.0).model_copy(update={"metrics": {"error": open_ended}})
    build(write(tmp_path / "results", run("one", {"pas": made})), tmp_path / "site")
    for path in ("boards/papi/sample.html", "runs/one.html", "methods/pas.html"):
        assert f'<small class="why">{why}</small>' in text_of(tmp_path / "site" / path), path


def test_a_run_that_can_judge_nobody_says_so_once(tmp_path):
    why = "the unsteered model is right on 1 of 30 problems"
    rows = {"pas": method(2.0, cannot_tell=why), "npti": method(2.5, cannot_tell=why)}
    build(write(tmp_path / "results", run("one", rows)), tmp_path / "site")
    html = text_of(tmp_path / "site" / "runs" / "one.html")
    assert html.count(f"Cannot tell: {why}.") == 1
    assert html.count('<tr id="method-0" class="unknown">') == 1
    assert html.count(">cannot tell<") == 2


def test_a_result_of_huge_and_missing_numbers_is_built(tmp_path):
    odd = method(2.0).model_copy(update={"metrics": {"error": metric(1e308), "gone": metric(None)}})
    long = "x" * 19_000
    write(tmp_path / "results", run("odd", {"odd": odd, "none": method(None, flags=[long])}, task=long[:300]))
    build(tmp_path / "results", tmp_path / "site")
    pages = list((tmp_path / "site").rglob("*.html"))
    assert sum(page.stat().st_size for page in pages) < 100_000


def test_the_same_results_build_the_same_site(tmp_path, site):
    build(site.parent / "results", tmp_path / "again")
    first = {f.relative_to(site): f.read_bytes() for f in site.rglob("*") if f.is_file()}
    again = {f.relative_to(tmp_path / "again"): f.read_bytes() for f in (tmp_path / "again").rglob("*") if f.is_file()}
    assert first == again


def test_a_site_is_replaced_as_a_whole(tmp_path):
    write(tmp_path / "results", run("one"))
    build(tmp_path / "results", tmp_path / "site")
    (tmp_path / "results" / "one").rename(tmp_path / "gone")
    write(tmp_path / "results", run("two"))
    build(tmp_path / "results", tmp_path / "site")
    assert {page.name for page in (tmp_path / "site" / "runs").iterdir()} == {"two.html", "two"}
    assert {path.name for path in tmp_path.iterdir()} == {"results", "gone", "site"}


def test_a_folder_that_is_no_site_is_left_alone(tmp_path):
    write(tmp_path / "results", run("one"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("all of it")
    with pytest.raises(UserError, match="is not a site of steerbench"):
        build(tmp_path / "results", tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "all of it"


def test_no_results_make_a_site_that_says_so(tmp_path):
    (tmp_path / "results").mkdir()
    build(tmp_path / "results", tmp_path / "site")
    assert "No run is published yet" in text_of(tmp_path / "site" / "index.html")


def test_one_run_twice_is_refused(tmp_path):
    write(tmp_path / "results", run("one"), run("copy", digest=run("one").digest))
    with pytest.raises(UserError, match="'copy' and 'one' are the same run"):
        build(tmp_path / "results", tmp_path / "site")


def test_a_run_that_cannot_be_read_is_named_and_nothing_is_built(tmp_path):
    write(tmp_path / "results", run("one"), run("two"))
    (tmp_path / "results" / "two" / "published.json").write_text('{"schema_version": 9}')
    with pytest.raises(UserError, match=r"two/published\.json"):
        build(tmp_path / "results", tmp_path / "site")
    assert not (tmp_path / "site").exists()
