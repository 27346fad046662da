"""The documentation: a page for every Markdown file, with the navigation beside it."""

from collections.abc import Iterator
from typing import Any

from leaderboard.frame import File, Page
from leaderboard.site import Site
from leaderboard.text import cut

TEMPLATE = "documents.html"


def files(site: Site) -> Iterator[File]:
    """Without documentation there is one page all the same: every other page links to it."""
    if site.documentation is None:
        yield Page("docs/index.html", TEMPLATE, "Documentation", {"document": None, "groups": ()}).file()
        return
    for document in site.documentation.documents:
        values: dict[str, Any] = {"document": document, "groups": site.documentation.groups}
        yield Page(document.path, TEMPLATE, cut(document.title), values).file()
