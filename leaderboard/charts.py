"""Charts: a vega-lite specification with a description and a table of the same data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ChartCell:
    """A cell of a chart's table; `href` is an optional link, relative to the site's folder."""

    text: str
    href: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart on a page.

    `name` is its id. `words` describe it in a sentence; `columns` and `rows` are all its data as a table. `spec` is a
    vega-lite view (single or layered) without width, height, colours and fonts, which the site sets for light and dark
    (`static/charts.js`). Marks get the site's colours by `style`, "reference" or "muted"; nominal colour scales have
    them by default. If the spec encodes a datum's `href`, relative to the site's folder, a click on the mark follows
    it.
    """

    name: str
    words: str
    spec: Mapping[str, Any]
    columns: Sequence[str]
    rows: Sequence[Sequence[ChartCell]]
    height: Literal["short", "tall"] = "tall"
