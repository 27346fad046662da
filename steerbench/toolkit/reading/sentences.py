"""The first and the last sentence of a text."""

import re

# An initial ("J."), a title, a currency or a month ends no sentence, nor does a full stop before a small letter
# ("80 lbs. of").
_END = re.compile(
    r"[!?]+[\"')\]*]*(?=\s|$)|\n"
    r"|(?<!\b[A-Z])(?<!\b(?:Mr|Ms|Dr|Rs))(?<!\b(?:Mrs|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec))(?<!\bapprox)"
    r"\.+[\"')\]*]*(?=\s*(?:\n|$)|\s+[^a-z\s])"
)


def first_sentence(text: str) -> str:
    """Up to the first end of a sentence or line; a line that ends in a colon goes on."""
    text = text.strip()
    for end in _END.finditer(text):
        opening = text[: end.start()]
        if opening.strip(" *_:\n") and not opening.rstrip(" *_\n").endswith(":"):
            return opening
    return text


def last_sentence(text: str) -> str:
    """What closes a text: its last sentence, or its last line if that has no full stop."""
    text = text.strip()
    starts = [end.end() for end in _END.finditer(text) if end.end() < len(text)]
    return text[starts[-1] if starts else 0 :].strip()
