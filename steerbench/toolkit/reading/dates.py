"""Dates in generated text, in any common notation."""

import re
from collections.abc import Iterator
from datetime import date

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<name>{'|'.join(_MONTHS)})[a-z]*\.?"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<![\d/-])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})(?![\d/])",
        r"(?<![\d/-])(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?![\d-])",
        rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})\b",
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH},?\s+(?P<year>\d{{4}})\b",
    )
)


def dates(text: str) -> Iterator[tuple[date, int, int]]:
    """All dates with their start and end."""
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if meant := parsed(match[0]):
                yield meant, match.start(), match.end()


def parsed(text: str) -> date | None:
    """The date that a text consists of; the month comes first unless only the day can."""
    for pattern in _DATES:
        if match := pattern.fullmatch(text.strip()):
            parts = match.groupdict()
            month = _MONTHS.index(parts["name"].lower()) + 1 if parts.get("name") else int(parts["month"])
            day = int(parts["day"])
            try:
                return date(int(parts["year"]), month, day) if month <= 12 else date(int(parts["year"]), day, month)
            except ValueError:
                return None
    return None
