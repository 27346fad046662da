"""The documentation: Markdown files become HTML, and links between them links between pages of the site."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from leaderboard.frame import address
from steerbench.errors import UserError
from steerbench.storage.files import understandable

MAP = "docs/README.md"
"""Lists the pages; the navigation has them in its order and under its headings."""
BESIDE = {"README.md": "docs/overview.html", MAP: "docs/index.html", "CONTRIBUTING.md": "docs/contributing.html"}
"""Files whose pages are called otherwise. All other pages are called as their files are."""
GLOSSARY = "docs/glossary.html"
DEEPEST = 3
"""The level down to which a page's contents list its headings."""
_COMMENT = re.compile(r"^<!--.*-->\n", re.MULTILINE)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True)
class Heading:
    level: int
    id: str
    text: str


@dataclass(frozen=True)
class Document:
    """A page of documentation: where it lies in the site, and what stands in it."""

    path: str
    title: str
    html: Markup
    contents: Sequence[Heading]
    pictures: Sequence[str]


@dataclass(frozen=True)
class Group:
    """A heading of the map with its pages, as label and path."""

    heading: str
    pages: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Documentation:
    """All pages, the navigation, and the folder in which pictures lie as they do in the site."""

    root: Path
    documents: Sequence[Document]
    groups: Sequence[Group]

    @property
    def glossary(self) -> str | None:
        """The path of the page that explains the words of a board, if there is one."""
        return GLOSSARY if any(document.path == GLOSSARY for document in self.documents) else None

    @property
    def pictures(self) -> list[str]:
        """Their places, from the root of the repository and of the site alike."""
        return sorted({picture for document in self.documents for picture in document.pictures})


def read_documentation(folder: Path) -> Documentation | None:
    """The pages of the folder `docs` of a repository, with the README and CONTRIBUTING beside it; None without them.

    Raises:
        UserError: a file cannot be read, or shows a picture that is not there.
    """
    folder = folder.absolute()
    root = folder.parent
    if not (root / MAP).is_file() or folder.name != "docs":
        return None
    sources = [name for name in BESIDE if (root / name).is_file()]
    sources += sorted(file.relative_to(root).as_posix() for file in folder.rglob("*.md"))
    paths = {source: BESIDE.get(source, source.removesuffix(".md") + ".html") for source in sources}
    documents = [_document(root, source, paths) for source in paths]
    return Documentation(root, documents, list(_groups(_parsed(root / MAP), paths)))


def _markdown() -> MarkdownIt:
    """CommonMark with tables. HTML in it is shown as text."""
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    made.add_render_rule("table_open", _table_open)
    made.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return made


def _table_open(renderer: object, tokens: Sequence[Token], place: int, *_: object) -> str:
    """In a box of its own that scrolls, named by its number as every such region has to be."""
    number = sum(token.type == "table_open" for token in tokens[: place + 1])
    return f'<div class="scroll" tabindex="0" role="region" aria-label="Table {number}"><table>\n'


def _parsed(file: Path) -> list[Token]:
    with understandable(file):
        text = file.read_text(encoding="utf-8")
    return _markdown().parse(_COMMENT.sub("", text))


def _document(root: Path, source: str, paths: Mapping[str, str]) -> Document:
    tokens = _parsed(root / source)
    headings = list(_headings(tokens))
    pictures: list[str] = []
    for token in tokens:
        if token.type == "th_open":
            token.attrSet("scope", "col")
        if token.type == "inline":
            _relink(token.children or [], source, paths)
            pictures += _pictures(token.children or [], root, source, paths[source])
    markdown = _markdown()
    html = markdown.renderer.render(tokens, markdown.options, {})
    title = next((heading.text for heading in headings if heading.level == 1), PurePosixPath(source).stem)
    contents = [heading for heading in headings if 1 < heading.level <= DEEPEST]
    html = html.replace("<pre>", '<pre tabindex="0">')
    return Document(paths[source], title, Markup(html), contents, pictures)


def _headings(tokens: Sequence[Token]) -> Iterator[Heading]:
    """Gives every heading an id, as GitHub does: of the same ones the second ends in -1."""
    seen: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        text = "".join(child.content for child in inline.children or [])
        id = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        times = seen[id] = seen.get(id, -1) + 1
        opening.attrSet("id", f"{id}-{times}" if times else id)
        yield Heading(int(opening.tag[1]), str(opening.attrs["id"]), text)


def _relink(tokens: Sequence[Token], source: str, paths: Mapping[str, str]) -> None:
    """Links to files become links to their pages; of those that have no page, the text is left."""
    kept = True
    for token in tokens:
        if token.type == "link_open":
            href = _href(str(token.attrs["href"]), source, paths)
            kept = href is not None
            token.attrs = {"href": href} if href is not None else {}
        if token.type in ("link_open", "link_close") and not kept:
            token.tag = "span"


def _href(link: str, source: str, paths: Mapping[str, str]) -> str | None:
    path, _, anchor = link.partition("#")
    if not path or _ELSEWHERE.match(link):
        return link
    target = paths.get(_beside(source, path))
    if target is None:
        return None
    return address(_from(paths[source], target)) + (f"#{anchor}" if anchor else "")


def _pictures(tokens: Sequence[Token], root: Path, source: str, page: str) -> Iterator[str]:
    for token in tokens:
        if token.type == "image":
            picture = _beside(source, str(token.attrs["src"]))
            if picture.startswith("..") or not (root / picture).is_file():
                raise UserError(f"{source} shows the picture {picture}, and there is no such file.")
            token.attrs["src"] = address(_from(page, picture))
            yield picture


def _groups(tokens: Sequence[Token], paths: Mapping[str, str]) -> Iterator[Group]:
    """The map itself is the first page of the first group."""
    heading, pages = "", [("Contents", paths[MAP])]
    for before, token in pairwise(tokens):
        if before.type == "heading_open" and before.tag == "h2":
            if heading:
                yield Group(heading, pages)
                pages = []
            heading = token.content
        elif token.type == "inline" and heading:
            pages += _listed(token.children or [], paths)
    if heading:
        yield Group(heading, pages)


def _listed(tokens: Sequence[Token], paths: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for opening, text in pairwise(tokens):
        if opening.type == "link_open":
            target = paths.get(_beside(MAP, str(opening.attrs["href"])))
            if target is not None:
                yield text.content[:1].upper() + text.content[1:], target


def _beside(source: str, link: str) -> str:
    """The file that a link in a source names, from the root of the repository."""
    return os.path.normpath(PurePosixPath(source).parent / unquote(link))


def _from(page: str, target: str) -> str:
    return os.path.relpath(target, PurePosixPath(page).parent)
