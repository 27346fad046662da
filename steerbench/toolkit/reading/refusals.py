"""Detects texts that decline to answer, which is different from an unreadable answer."""

import re

from steerbench.toolkit.reading.plain_text import plain

_ME = r"\bI(?:'m|\s+am)?\s+"
_UNABLE = (
    r"(?:(?:really|just|simply)\s+)?(?:cannot|can't|can\s+not|won't|will\s+not|couldn't|could\s+not"
    r"|not\s+able\s+to|unable\s+to)\b(?!\s+(?:wait|stand|stop|help\s+(?:but|it|myself)|say\s+no)\b)"
)
_LACKS = (
    r"(?:do\s+not|don't)\s+(?:have|possess|hold|experience)\s+(?:\w+\s+){0,3}?(?:personal\w*|feelings?|emotions?"
    r"|opinions?|experiences?|preferences?|self|traits?|beliefs?|thoughts|body|consciousness)\b"
)
_AI = r"(?:AI|artificial\s+intelligence|(?:large\s+)?language\s+model|chatbot|computer\s+program|machine)"
_REFUSAL = re.compile(
    rf"{_ME}{_UNABLE}|{_ME}{_LACKS}|\bas\s+an?\s+{_AI}\b|{_ME}(?:just\s+|only\s+)?an?\s+{_AI}\b"
    rf"|{_ME}(?:decline|refuse)\b|{_ME}(?:prefer|would\s+(?:rather|prefer))\s+not\b|\b(?:sorry|apologi[sz]e|apologies)\b",
    re.IGNORECASE,
)


def refuses(text: str) -> bool:
    """Whether a text that names no option says that it will not or cannot answer for itself.

    The text may continue "Option", as answers to an inventory do.
    """
    return _REFUSAL.search(plain(text)) is not None
