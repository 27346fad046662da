"""The documentation as pages of the site."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from leaderboard.build import build
from leaderboard.documentation import read_documentation
from leaderboard.text import MINUS
from steerbench.errors import UserError
from steerbench.publishing.schema import read_published
from steerbench.publishing.tradeoff_schema import read_published_tradeoff
from tests.leaderboard.conftest import violations
from tests.leaderboard.made_up import run, write
from tests.leaderboard.test_build import Links, every_link_leads_to_a_file, text_of

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "leaderboard" / "results"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with the project's own documentation."""
    folder = tmp_path_factory.mktemp("documentation")
    build(write(folder / "results", run("one")), folder / "site", docs=ROOT / "docs")
    return folder / "site"


def written(root: Path, **files: str) -> Path:
    """A folder `docs` with a map and these files; `__` in a name is a folder's end."""
    for name, text in {"README": "# Map\n\n## Pages\n", **files}.items():
        path = root / "docs" / f"{name.replace('__', '/')}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / "docs"


def document(root: Path, path: str):
    documentation = read_documentation(root / "docs")
    [found] = [document for document in documentation.documents if document.path == path]
    return found


class Text(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(html)

    def handle_data(self, data):
        self.text += data


def test_every_file_of_the_documentation_is_a_page_with_all_of_its_words(site):
    sources = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    pages = list((site / "docs").rglob("*.html"))
    assert len(pages) == len(sources) > 30
    page = text_of(site / "docs" / "explanation" / "statistics.html")
    source = (ROOT / "docs" / "explanation" / "statistics.md").read_text(encoding="utf-8")
    said = set(re.findall(r"\w+", Text(page).text))
    assert set(re.findall(r"\w+", re.sub(r"\]\([^)]*\)", "]", source))) <= said


def test_every_link_of_the_documentation_leads_to_a_page_and_a_heading_or_to_the_web(site):
    outside = every_link_leads_to_a_file(site, site.rglob("docs/**/*.html"))
    assert outside
    assert all(link.startswith("https://") for link in outside)


def test_the_navigation_has_every_page_and_marks_the_one_that_is_open(site):
    page = text_of(site / "docs" / "how-to" / "install.html")
    listed = re.findall(r'<li><a href="\.\./\.\./(docs/[^"]*)"( aria-current="page")?>', page)
    assert {path for path, _ in listed} == {p.relative_to(site).as_posix() for p in (site / "docs").rglob("*.html")}
    assert {path for path, current in listed if current} == {"docs/how-to/install.html"}


def test_pictures_lie_in_the_site(site):
    page = site / "docs" / "overview.html"
    pictures = [link for link in Links(text_of(page)).links if link.endswith(".svg") and "icon" not in link]
    assert len(pictures) == 2
    for picture in pictures:
        assert (page.parent / picture).resolve().read_bytes().startswith(b"<svg")


def test_the_glossary_is_linked_from_boards_and_from_the_about_page(site):
    for page in ("about.html", "boards/papi/sample.html"):
        assert re.search(r'href="(\.\./)*docs/glossary\.html"', text_of(site / page)), page


def marks(picture: str, name: str) -> list[float]:
    """The values that a picture's marks of this name say."""
    text = (ROOT / "docs" / "images" / picture).read_text(encoding="utf-8").replace(MINUS, "-")
    labels = [label for label in re.findall(r'aria-label="([^"]*)"', text) if name in label]
    return [float(value) for label in labels for value in re.findall(r"\bvalue: ([-\d.]+)", label)]


def test_the_pictures_show_what_is_published():
    """`python docs/images/draw.py` draws them again."""
    board = read_published(RESULTS / "papi-pas-few-shot-copy-7bbe58dcb7")
    for method in ("pas", "few-shot", "copy", "ceiling", "unsteered"):
        shown = [board.methods[method].metrics[metric].value for metric in ("error", "individual r")]
        assert marks("board.svg", f"row: {method};") == pytest.approx(shown)
    (tradeoff,) = (RESULTS.parent / "tradeoffs").iterdir()
    for method, curve in read_published_tradeoff(tradeoff).found.curves.items():
        drawn = marks("tradeoff.svg", f"method: {method}")
        for point in curve.points:
            for metric in (point.effect, point.prices["fluency"], point.prices["perplexity"]):
                assert pytest.approx(metric.value) in drawn


def test_html_in_markdown_is_shown_and_not_passed_through(tmp_path):
    script, link = "<script>alert(1)</script>", "[x](javascript:alert(1))"
    hostile = f'# A <b>title</b>\n\n{script}\n\n<!-- test -->\n{link} <img src=x onerror="y">'
    written(tmp_path, page=hostile)
    html = document(tmp_path, "docs/page.html").html
    assert not {"script", "img", "b", "a"} & set(Links(html).tags)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "test --" not in html


def test_links_between_files_become_links_between_pages(tmp_path):
    text = "[a](../README.md#pages) [b](c.md) [c](https://example.org/x.md) [d](../../pyproject.toml) [e](#f)"
    written(tmp_path, how__b=text, how__c="# C")
    html = document(tmp_path, "docs/how/b.html").html
    assert re.findall(r'href="([^"]*)"', html) == ["../index.html#pages", "c.html", "https://example.org/x.md", "#f"]
    assert "<span>d</span>" in html


def test_headings_have_the_anchors_that_github_gives_them(tmp_path):
    written(
        tmp_path, page="# Page\n\n## What `published` is not\n\n### Same\n\n### Same\n\n#### Deep\n\n## (High) & low?\n"
    )
    made = document(tmp_path, "docs/page.html")
    assert [(h.level, h.id) for h in made.contents] == [
        (2, "what-published-is-not"), (3, "same"), (3, "same-1"), (2, "high--low"),
    ]  # fmt: skip
    assert made.contents[0].text == "What published is not"
    assert '<h4 id="deep">' in made.html


def test_the_folder_may_be_named_from_where_one_is(tmp_path, monkeypatch):
    written(tmp_path, page="# Page")
    monkeypatch.chdir(tmp_path)
    assert {made.path for made in read_documentation(Path("docs")).documents} == {"docs/index.html", "docs/page.html"}


def test_a_picture_that_is_not_there_is_named(tmp_path):
    written(tmp_path, page="![x](images/none.svg)")
    with pytest.raises(UserError, match=r"docs/page\.md shows the picture docs/images/none\.svg, and there is no such"):
        read_documentation(tmp_path / "docs")


def test_a_site_without_documentation_says_how_to_add_it(tmp_path):
    build(write(tmp_path / "results", run("one")), tmp_path / "site", docs=tmp_path / "nowhere")
    assert "steerbench site build --docs docs" in text_of(tmp_path / "site" / "docs" / "index.html")
    assert "glossary" not in text_of(tmp_path / "site" / "about.html")


@pytest.mark.parametrize("width", [390, 1440])
def test_only_tables_and_code_scroll_sideways(opened, width):
    for path in ("docs/index.html", "docs/overview.html", "docs/reference/papi.html"):
        page = opened(path, viewport={"width": width, "height": 800})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width, path


def test_axe_finds_nothing(audited, site):
    for path in ("docs/index.html", "docs/overview.html", "docs/explanation/tradeoff.html"):
        audited.goto((site / path).as_uri())
        assert violations(audited) == []
