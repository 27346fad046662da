"""How numbers and other people's texts are written on the site. Escaping is the templates' affair."""

import hashlib
import math
import re
from collections.abc import Iterable

from steerbench.records.results import ComparisonRecord, MetricRecord

LONGEST = 120
"""Characters of a name or flag on a page; the rest of it is in the JSON."""
NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def slug(name: str) -> str:
    """A file's name of plain letters; a name that loses something on the way gets a hash, lest two become the same."""
    plain = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")[:60]
    if plain == name and plain:
        return plain
    return f"{plain or 'name'}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def decimals(values: Iterable[float | None]) -> int:
    """Digits after the point that a column needs for three that tell; 0 to 3."""
    largest = max((abs(v) for v in values if v is not None), default=1.0)
    if largest == 0:
        return 1
    return min(max(2 - math.floor(math.log10(largest)), 0), 3)


def value(metric: MetricRecord | None) -> float | None:
    """A metric's estimate, if there is one and it is a number."""
    return metric.value if metric is not None and metric.value is not None and math.isfinite(metric.value) else None


def plain(value: float | None) -> str:
    """For scripts to read: nothing where there is no value."""
    return "" if value is None else f"{value:.6g}"


def number(value: float | None, digits: int = 2) -> str:
    """With a true minus sign, and no minus before what rounds to zero."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) >= 1e9:
        return f"{value:.2e}".replace("-", MINUS)
    written = f"{abs(value):,.{digits}f}"
    return f"{MINUS}{written}" if value < 0 and float(written.replace(",", "")) else written


def probability(p: float | None) -> str:
    """Three decimals, and never 0."""
    return "< 0.001" if p is not None and 0 <= p < 0.001 else number(p, 3)


def capitalised(text: str) -> str:
    """With a capital first letter, the others as they are."""
    return text[:1].upper() + text[1:]


def interval(metric: MetricRecord | ComparisonRecord | None, digits: int = 2) -> str:
    """An interval, or why there is none if that is known."""
    if metric is None:
        return ""
    if metric.low is None or metric.high is None:
        return cut(metric.note) if isinstance(metric, MetricRecord) else ""
    return f"[{number(metric.low, digits)}, {number(metric.high, digits)}]"


def seconds(value: float) -> str:
    if value < 100:
        return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"
    minutes = value / 60
    return f"{minutes:,.0f} min" if minutes < 120 else f"{minutes / 60:,.1f} h"


def size(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**20:,.0f} MiB"
