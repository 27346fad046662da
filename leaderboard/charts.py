"""Charts: what vega-lite is to draw, with the words and the table that say the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ChartCell:
    """A cell of a chart's table; `href` from the site's folder, if it leads somewhere."""

    text: str
    href: str = ""


@dataclass(frozen=True)
class Chart:
    """A drawing of a page.

    `name` is its id. `words` say in a sentence what it shows; `columns` and `rows` are all that it draws, to be read.
    `spec` is a view of vega-lite (one, or layers) without width, height, colours and fonts: those are the site's
    (`static/charts.js`), light or dark. Marks have its colours by `style`: "reference" and "muted"; a nominal colour
    scale has them by itself. A datum's `href`, from the site's folder, is followed when its mark is clicked if the spec
    encodes it.
    """

    name: str
    words: str
    spec: Mapping[str, Any]
    columns: Sequence[str]
    rows: Sequence[Sequence[ChartCell]]
    height: Literal["short", "tall"] = "tall"
