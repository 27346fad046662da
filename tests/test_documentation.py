"""The documentation as it lies in the repository: every link leads somewhere, and the map names every page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for place in (".", "golden", "docs/**", "tests/judges") for path in ROOT.glob(f"{place}/*.md"))
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """Without code blocks, whose brackets are no links and whose # is no heading."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The headings' anchors as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    return [link for link in LINK.findall(prose(page)) if "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file_and_to_a_heading_in_it(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_map_names_every_page():
    directory = ROOT / "docs"
    named = {(directory / link.partition("#")[0]).resolve() for link in links(directory / "README.md")}
    assert {page for page in directory.rglob("*.md") if page.name != "README.md"} <= named


def test_the_readme_leads_to_the_map_and_to_a_first_run():
    assert {"docs/README.md", "docs/tutorial/first-run.md"} <= set(links(ROOT / "README.md"))


@pytest.mark.parametrize("source", ["steerbench", "methods", "tasks", "judges", "leaderboard"])
def test_pages_that_messages_name_are_there(source):
    for file in (ROOT / source).rglob("*.py"):
        for named in re.findall(r"(?<![\w/])docs/[\w/-]+\.md", file.read_text(encoding="utf-8")):
            assert (ROOT / named).is_file(), (file, named)
