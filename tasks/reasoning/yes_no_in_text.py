"""Yes and no in generated text."""

import re

from steerbench.toolkit.reading.denials import WINDOW, denied_before
from steerbench.toolkit.reading.readings import Reading, none

_ECHO = re.compile(r"\b(?:yes\s*(?:or|/|and|,)\s*no|no\s*(?:or|/)\s*yes)\b", re.IGNORECASE)
# "no" is an answer at the end of a text or before a new clause; before a noun it is a determiner ("no evidence").
_WORD = re.compile(
    r"(?<![\w-])(?<!\w')(?:(?P<yes>yes|yep|yeah|yup)|(?P<no>no)|(?P<nope>nope|nah))\b(?![-']\w)"
    r"(?P<next>\s*[\"'*_)\]}]*\s*(?:$|[^\w\s\"'\[{<$#@%&+*/]|"
    r"(?:it|he|she|they|the|this|that|there|these|those|we|you|i|because|since|as|but|and|if|so|in|to|for)\b))?",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|whether|unless)\s+[\"'(*]*$", re.IGNORECASE)


def read_yes_no(text: str) -> Reading:
    """The yes or no of a sentence; none if it has both.

    Repeated options ("yes or no"), "no" before a noun ("no one", "there is no reason"), and denied or conditional words
    ("not yes", "if yes") do not count.
    """
    text = _ECHO.sub(" ", text)
    words = []
    for match in _WORD.finditer(text):
        is_answer = not match["no"] or match["next"] is not None
        conditional = _CONDITION.search(text, max(0, match.start() - WINDOW), match.start())
        if is_answer and not conditional and not denied_before(text, match.start()):
            words.append("yes" if match["yes"] else "no")
    if not words:
        return none("there is no yes or no")
    if len(set(words)) > 1:
        return none("there are both yes and no")
    return Reading(words[0])
