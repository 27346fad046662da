"""How numbers and untrusted texts are written on the site. The templates escape them."""

import hashlib
import math
import re
from collections.abc import Iterable

from steerbench.records.results import ComparisonRecord, MetricRecord

LONGEST = 120
"""Maximum characters of a name or flag on a page; the JSON has all of it."""
NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def slug(name: str) -> str:
    """A file name in plain letters. If the name had to be changed, a hash keeps it unique."""
    plain = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")[:60]
    if plain == name and plain:
        return plain
    return f"{plain or 'name'}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def decimals(values: Iterable[float | None]) -> int:
    """The decimals, 0 to 3, that a column needs for three significant digits."""
    largest = max((abs(v) for v in values if v is not None), default=1.0)
    if largest == 0:
        return 1
    return min(max(2 - math.floor(math.log10(largest)), 0), 3)


def value(metric: MetricRecord | None) -> float | None:
    """A metric's estimate, if it is a finite number."""
    return metric.value if metric is not None and metric.value is not None and math.isfinite(metric.value) else None


def plain(value: float | None) -> str:
    """A value for scripts; "" if there is none."""
    return "" if value is None else f"{value:.6g}"


def number(value: float | None, digits: int = 2) -> str:
    """A number with a true minus sign, and without a minus if it rounds to zero."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) >= 1e9:
        return f"{value:.2e}".replace("-", MINUS)
    written = f"{abs(value):,.{digits}f}"
    return f"{MINUS}{written}" if value < 0 and float(written.replace(",", "")) else written


def probability(p: float | None) -> str:
    """A p-value with three decimals, never 0."""
    return "< 0.001" if p is not None and 0 <= p < 0.001 else number(p, 3)


def capitalised(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def interval(metric: MetricRecord | ComparisonRecord | None, digits: int = 2) -> str:
    """An interval, or the reason why there is none if it is known."""
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
