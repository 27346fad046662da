"""Names that may come from anybody, as one line of bounded length with nothing unseen in it."""

import unicodedata

LONGEST = 2000
"""Characters of a caption or a note."""
LONGEST_NAME = 100


def line(text: str, longest: int = LONGEST) -> str:
    """Control, formatting and private characters become blanks, blanks become one, and what is too long is cut."""
    seen = (" " if unicodedata.category(character)[0] in "CZ" else character for character in text[: 2 * longest])
    told = " ".join("".join(seen).split())
    return told if len(told) <= longest and len(text) <= 2 * longest else f"{told[: longest - 1]}…"


def name(text: str) -> str:
    """The same for what only names something."""
    return line(text, LONGEST_NAME)
