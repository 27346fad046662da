"""Puts inventory statements into the second person: "Am always busy." becomes "You are always busy.".

IPIP statements omit their subject "I". Words that refer to the speaker change; all others, most verbs included, are
the same for "I" and "you".
"""

import re

_SWAPS = {
    "i": "you",
    "i am": "you are",
    "i was": "you were",
    "i wasn't": "you weren't",
    "i'm": "you're",
    "i've": "you've",
    "i'd": "you'd",
    "i'll": "you'll",
    "am": "are",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
}
# Longest first, so that "I was" is met before "I".
_SPEAKER = re.compile(rf"\b({'|'.join(sorted(_SWAPS, key=len, reverse=True))})(?![\w'])", re.IGNORECASE)
# Statements whose left-out subject took its verb along: "(I am) willing to ...".
_ADJECTIVES = {"interested", "willing"}
_PAST = {"was": "were", "wasn't": "weren't"}


def second_person(statement: str) -> str:
    """The statement about "you", with its final punctuation unchanged."""
    text = _SPEAKER.sub(lambda match: _SWAPS[match[0].lower()], statement.replace("\u2019", "'"))
    first, _, rest = text.partition(" ")
    if re.match(r"(i|my)\b", statement, re.IGNORECASE):
        return f"{first[0].upper()}{first[1:]} {rest}"
    verb = first.lower()
    if verb in _ADJECTIVES:
        verb = f"are {verb}"
    return f"You {_PAST.get(verb, verb)} {rest}"
