"""The first and the last sentence of a text."""

import re

# No sentence ends at an initial ("J."), a title, a currency, a month, or a full stop before a lower-case letter
# ("80 lbs. of").
_END = re.compile(
    r"[!?]+[\"')\]*]*(?=\s|$)|\n"
    r"|(?<!\b[A-Z])(?<!\b(?:Mr|Ms|Dr|Rs))(?<!\b(?:Mrs|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec))(?<!\bapprox)"
    r"\.+[\"')\]*]*(?=\s*(?:\n|$)|\s+[^a-z\s])"
)


def first_sentence(text: str) -> str:
    """The text up to the end of the first sentence or line. A line that ends in a colon continues."""
    text = text.strip()
    for end in _END.finditer(text):
        opening = text[: end.start()]
        if opening.strip(" *_:\n") and not opening.rstrip(" *_\n").endswith(":"):
            return opening
    return text


def last_sentence(text: str) -> str:
    """The last sentence of a text, or its last line if that has no full stop."""
    text = text.strip()
    starts = [end.end() for end in _END.finditer(text) if end.end() < len(text)]
    return text[starts[-1] if starts else 0 :].strip()
