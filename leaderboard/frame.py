"""Rendering: a page names its template and values, and is written with relative links."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from leaderboard import text
from leaderboard.row import verdict
from steerbench import __version__


@dataclass(frozen=True)
class File:
    """A file of the site: its path in the site's folder, and its content."""

    path: str
    content: str


@dataclass(frozen=True)
class Page:
    """A page: its path, its template and the template's values."""

    path: str
    template: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def file(self) -> File:
        given = {"root": root_of(self.path), "title": self.title, "version": __version__}
        return File(self.path, template(self.template).render(given | dict(self.values)))


def root_of(path: str) -> str:
    """The relative path from a page to the site's folder."""
    return "../" * path.count("/")


def rendered(name: str, macro: str, calls: Iterable[Mapping[str, Any]]) -> list[str]:
    """A template's macro, rendered once for each call."""
    written = getattr(template(name).module, macro)
    return [str(written(**call)) for call in calls]


@cache
def template(name: str) -> Template:
    return environment().get_template(name)


@cache
def environment() -> Environment:
    """The template environment. Everything is escaped, and an undefined name is an error."""
    made = Environment(
        loader=PackageLoader("leaderboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "cut": text.cut,
        "value": text.value,
        "plain": text.plain,
        "number": text.number,
        "interval": text.interval,
        "probability": text.probability,
        "seconds": text.seconds,
        "size": text.size,
        "capitalised": text.capitalised,
        "address": address,
        "verdict": verdict,
    }
    return made


def address(path: str) -> str:
    """A path, quoted for use in a link."""
    return quote(path, safe="/")


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def data_script(path: str, data: Any) -> File:
    """Data for `static/data.js` as a script, because a page opened from disk cannot read other files."""
    return File(path, f"steerbenchData({to_json(path)},{to_json(data)});\n")
